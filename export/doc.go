// Package export defines what an exporter is: how it receives records, and what its
// errors mean to whoever calls it.
//
//	func (e *queueExporter) Export(ctx context.Context, records []*record.Record) error {
//		for _, r := range records {
//			line, err := r.AppendJSON(nil)
//			if err != nil {
//				return export.Permanent(err)
//			}
//			if err := e.queue.Publish(ctx, line); err != nil {
//				return err // try all of them again
//			}
//		}
//		return nil
//	}
//
// Package exporttest holds the suite that every exporter must pass.
package export
