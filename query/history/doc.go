// Package history follows one object through the records of a store: its versions, who
// changed what, and its fields as of a time.
//
//	for v, err := range history.Of(ctx, reader, invoice.Target(), query.Filter{}) {
//		...
//		fmt.Println(v.Record.Time, v.Record.Actor.ID, v.Effect)
//		for _, c := range v.Changes {
//			fmt.Println(" ", c.Field, c.Old, "->", c.New)
//		}
//	}
//
// A history has what was recorded, and says what was not: values that were masked, cut or
// never loaded have a status instead of a value, and gaps name what no record explains,
// such as an object that was changed since its last record.
package history
