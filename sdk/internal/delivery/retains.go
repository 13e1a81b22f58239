package delivery

// Retains reports whether d may refer to a record after Deliver has returned nil. A ledger
// has encoded the record by then, and exporters do not retain records.
func Retains(d Delivery) bool {
	switch d.(type) {
	case *directSyncer, *Ledger:
		return false
	}
	return true
}
