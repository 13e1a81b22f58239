package ledger

import "context"

// ID returns the ID of the ledger, which never changes.
func (l *Ledger) ID() [16]byte { return l.id }

// Dir returns the absolute path of the directory.
func (l *Ledger) Dir() string { return l.dir.Path() }

// Synced returns the sequence number of the newest entry that is on stable storage, or that
// of the entry before the first one. No crash takes back an entry up to it.
func (l *Ledger) Synced() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.synced
}

// WaitSynced waits until the entry is on stable storage. It returns the error of ctx, or
// ErrClosed.
func (l *Ledger) WaitSynced(ctx context.Context, seq uint64) error { return l.waitSynced(ctx, seq) }

// Sidecars gives access to the segments and their sidecars outside of a [Keeper]. The value
// remembers where frames begin; it may be kept as long as the ledger is open.
func (l *Ledger) Sidecars() *Sidecars { return &Sidecars{ledger: l, waypoints: &waypoints{}} }

// VerifyOwner returns nil if this writer still owns the files of the ledger, and otherwise a
// *LostError. Whoever writes further files in the directory calls it first.
func (l *Ledger) VerifyOwner() error { return l.verify(nil) }

// ID returns the ID of the ledger.
func (r *Reader) ID() ([16]byte, error) {
	v, err := r.view(false)
	if err != nil {
		return [16]byte{}, r.locate(err)
	}
	return v.state.id, nil
}

// Dir returns the absolute path of the directory.
func (r *Reader) Dir() string { return r.dir.Path() }
