// Package ledgerquery finds records in a ledger, with its writer or without.
//
//	reader, err := ledgerquery.NewReader("audit-ledger")
//	...
//	for record, err := range reader.Find(ctx, query.Filter{Actors: []audit.Actor{audit.User("42")}, Limit: 20}) {
package ledgerquery
