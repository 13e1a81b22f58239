// Package export defines the Exporter interface: how an exporter receives records, and
// what its errors mean to its caller.
//
//	func (e *queueExporter) Export(ctx context.Context, records []*record.Record) error {
//		for _, r := range records {
//			line, err := r.AppendJSON(nil)
//			if err != nil {
//				return export.Permanent(err)
//			}
//			if err := e.queue.Publish(ctx, line); err != nil {
//				return err // the caller retries the batch
//			}
//		}
//		return nil
//	}
//
// Package exporttest holds the conformance suite for exporters.
package export
