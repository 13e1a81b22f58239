package delivery

// Dir returns the absolute path of the ledger's directory when it was opened.
func (d *Ledger) Dir() string { return d.dir }

// RemoveBefore removes the oldest segments of the ledger.
func (d *Ledger) RemoveBefore(seq uint64) (first uint64, err error) {
	return d.ledger.RemoveBefore(seq)
}
