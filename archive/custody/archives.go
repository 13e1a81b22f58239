package custody

import (
	"context"
	"errors"
	"strings"

	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
)

// archiveSuffix is that of the names of archives.
const archiveSuffix = ".jsonl.zst"

// archives compares the archives of the ledger with its leaves.
func (v *verifier) archives(ctx context.Context, r *ledger.Reader) error {
	leaves, err := v.leaves(r)
	if err != nil {
		v.find(seal.Finding{Kind: seal.BadCheckpoint, Detail: "the archives cannot be compared: " + err.Error()})
		return nil
	}
	for object, err := range v.Store.List(ctx, v.log+"/") {
		if err != nil {
			return err
		}
		if !strings.HasSuffix(object.Name, archiveSuffix) {
			continue
		}
		if err := v.archive(ctx, object.Name, leaves); err != nil {
			return err
		}
	}
	return nil
}

// archive compares the entries of one archive.
func (v *verifier) archive(ctx context.Context, name string, leaves *seal.Leaves) error {
	a, err := archive.Open(ctx, v.Store, name)
	if isCorrupt(err) {
		v.find(seal.Finding{Kind: seal.Altered, Detail: "the archive " + name + " cannot be read"})
		return nil
	}
	if err != nil {
		return err
	}
	m := a.Manifest()
	found := Archive{Name: name, First: m.First, Last: m.Last}
	removals := &collector{log: v.log, in: name}
	before := uint64(0)
	for e, err := range a.Entries(ctx) {
		if isCorrupt(err) {
			v.find(seal.Finding{Kind: seal.Altered, First: m.First, Last: m.Last, Detail: "a part of the archive " + name + " is damaged"})
			continue
		}
		if err != nil {
			return err
		}
		found.Entries++
		sealed, err := leaves.Hash(e.Seq)
		switch {
		case e.Seq <= before:
			v.find(seal.Finding{Kind: seal.PutIn, First: e.Seq, Last: e.Seq, Detail: "in the archive " + name + ", a second time"})
			continue
		case errors.Is(err, seal.ErrNotSealed):
			// An archive has what left the ledger, which was sealed before.
			v.find(seal.Finding{Kind: seal.PutIn, First: e.Seq, Last: e.Seq, Detail: "in the archive " + name + ", and no checkpoint covers it"})
		case err != nil:
			v.find(seal.Finding{Kind: seal.Altered, First: e.Seq, Last: e.Seq, Detail: "in the archive " + name + ": " + err.Error()})
		case sealed != seal.HashLeaf(e.Data):
			v.find(seal.Finding{Kind: seal.Changed, First: e.Seq, Last: e.Seq, Detail: "in the archive " + name})
		default:
			found.Proved++
			v.archived.add(e.Seq)
			removals.see(e.Seq, e.Data)
		}
		before = e.Seq
	}
	for _, s := range removals.seen {
		v.account.addRecord(removals, s.seq, s.record)
	}
	v.report.Archives = append(v.report.Archives, found)
	return nil
}

func isCorrupt(err error) bool {
	_, ok := errors.AsType[*archive.CorruptError](err)
	return ok
}
