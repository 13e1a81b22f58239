package retention

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"strings"

	"github.com/opendeed/audit/archive"
)

// archiveSuffix is that of the objects of package archive.
const archiveSuffix = ".jsonl.zst"

// expiries returns an iterator over the archives that are past the time of their rule. It
// ends after an error.
func expiries(ctx context.Context, d *decider, o *Options, log string) iter.Seq2[Expiry, error] {
	prefix := log + "/"
	if o.AllLogs {
		prefix = ""
	}
	return func(yield func(Expiry, error) bool) {
		for object, err := range o.Store.List(ctx, prefix) {
			if err != nil {
				yield(Expiry{}, err)
				return
			}
			parts := strings.Split(object.Name, "/")
			if len(parts) != 3 || !strings.HasSuffix(object.Name, archiveSuffix) {
				continue
			}
			rule := d.policy.named(parts[1])
			if rule == nil || rule.Keep == 0 {
				continue // kept forever
			}
			e, expired, err := d.expire(ctx, o.Store, object, rule)
			if (expired || err != nil) && !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// expire reports whether an archive is past its time, and whether it may be removed.
func (d *decider) expire(ctx context.Context, store archive.Store, object archive.Object, rule *Rule) (e Expiry, expired bool, err error) {
	e = Expiry{Name: object.Name, Rule: rule.Name, Bytes: object.Size}
	a, err := archive.Open(ctx, store, object.Name)
	if err == nil {
		m := a.Manifest()
		e.Entries = m.Entries
		if m.Class != rule.Name || m.Records == 0 || !d.reached(m.Newest, rule.Keep) {
			return e, false, nil
		}
		expired, err = d.readExpired(ctx, a, rule, &e)
	}
	switch _, corrupt := errors.AsType[*archive.CorruptError](err); {
	case errors.Is(err, fs.ErrNotExist):
		return e, false, nil // removed meanwhile
	case corrupt: // nobody knows what must be kept of it
		e.Damaged = err.Error()
		return e, true, nil
	case err != nil:
		return e, false, err
	}
	e.Remove = expired && e.Held == ""
	return e, expired, nil
}

// readExpired reports whether all records of an archive are past their time, and sets Held.
func (d *decider) readExpired(ctx context.Context, a *archive.Archive, rule *Rule, e *Expiry) (bool, error) {
	for entry, err := range a.Entries(ctx) {
		if err != nil {
			return false, err
		}
		r, err := entry.Record()
		if err != nil {
			return false, nil // an entry that holds no record has no age
		}
		if !d.reached(bornAt(r), rule.Keep) {
			return false, nil
		}
		if e.Held == "" {
			e.Held = d.holds.matching(r)
		}
	}
	return true, nil
}
