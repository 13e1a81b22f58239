package ledger

// Release stops tracking open pairs without closing them, which makes room for others. An
// entry that closes such a pair later is an entry like any other. After a crash right
// after Release, the pairs may be open again.
func (p *Pairs) Release(keys ...[16]byte) {
	l := p.ledger
	l.mu.Lock()
	p.released = append(p.released, keys...)
	l.mu.Unlock()
	notify(p.wake)
}

// applyReleased removes the released pairs. It is called when every entry that opened one
// of them was read, and reports whether there was one.
func (p *Pairs) applyReleased() (changed bool) {
	l := p.ledger
	l.mu.Lock()
	keys := p.released
	p.released = nil
	l.mu.Unlock()
	for _, key := range keys {
		if e := p.open[key]; e != nil {
			delete(p.open, key)
			p.openBytes -= len(e.Data)
			changed = true
		}
	}
	return changed
}
