package delivery

// Retains reports whether d may hold a record after Deliver has returned nil. A ledger
// has encoded it by then, and exporters keep no records.
func Retains(d Delivery) bool {
	switch d.(type) {
	case *directSyncer, *Ledger:
		return false
	}
	return true
}
