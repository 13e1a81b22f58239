package custody

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
)

// Options say what a ledger is compared with, and where its archives are.
type Options struct {
	// Seal has the public keys and the checkpoint that was held outside. Entries before From may
	// be missing without a record, since whoever asks knows of them.
	Seal seal.VerifyOptions
	// Recorded are other ledgers that have records of removals, such as the one in which a
	// command records what it does. Only their records that were sealed with one of the keys
	// count.
	Recorded []*ledger.Reader
	// Store has the archives. Without one, their entries are not compared.
	Store archive.Store
}

// Verify reads a ledger, which may be open for writing meanwhile, and reports what differs from
// what was sealed. Entries that were removed are findings, unless records that were sealed
// account for them. With a store, it also reads the archives of the ledger.
//
// It needs little memory: some hundred bytes for each segment that was removed, and a bit for each
// archived entry. The error is about reading, or about the options; what is wrong is in the report.
func Verify(ctx context.Context, r *ledger.Reader, o Options) (*Report, error) {
	id, err := r.ID()
	if err != nil {
		return nil, err
	}
	v := &verifier{Options: o, log: hex.EncodeToString(id[:]), account: newAccount()}
	from := max(1, o.Seal.From)
	v.Seal.From = math.MaxUint64 // what is missing at the beginning is decided below
	own := &collector{log: v.log}
	sealed, err := v.verify(ctx, r, own, v.Seal)
	if err != nil {
		return nil, err
	}
	v.report = &Report{Report: sealed}
	v.account.add(own, sealed)
	for _, other := range o.Recorded {
		c := &collector{log: v.log, in: other.Dir()}
		report, err := v.verify(ctx, other, c, seal.VerifyOptions{Keys: o.Seal.Keys, From: math.MaxUint64})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", other.Dir(), err)
		}
		v.account.add(c, report)
	}
	if o.Store != nil {
		if err := v.archives(ctx, r); err != nil {
			return nil, err
		}
	}
	v.settle(from)
	slices.SortStableFunc(sealed.Findings, func(a, b seal.Finding) int { return cmp.Compare(a.First, b.First) })
	return v.report, nil
}

// verifier is one call of Verify.
type verifier struct {
	Options

	log      string
	report   *Report
	account  *account
	archived set // entries that are in archives as they were sealed
}

// verify verifies one ledger, and collects the records of removals.
func (v *verifier) verify(ctx context.Context, r *ledger.Reader, c *collector, o seal.VerifyOptions) (*seal.Report, error) {
	see := o.Entry
	o.Entry = func(seq uint64, data []byte) {
		c.see(seq, data)
		if see != nil {
			see(seq, data)
		}
	}
	return seal.Verify(ctx, r, o)
}

// find adds a finding.
func (v *verifier) find(f seal.Finding) {
	if len(v.report.Findings) >= seal.MaxFindings {
		v.report.More++
		return
	}
	v.report.Findings = append(v.report.Findings, f)
}

// settle names the removals of what is missing before the first entry, and what none accounts for.
func (v *verifier) settle(from uint64) {
	next := from
	detail := "they were removed, and no sealed record of a removal accounts for them"
	if v.Store == nil {
		detail += "; an archive may have it"
	}
	missing := func(last uint64) {
		if next > last {
			return
		}
		v.find(seal.Finding{Kind: seal.Missing, First: next, Last: last, Detail: detail})
	}
	removals := v.account.before(v.report.First)
	gaps := v.report.Gaps
	for len(removals) > 0 || len(gaps) > 0 {
		if len(removals) == 0 || len(gaps) > 0 && gaps[0].First < removals[0].First {
			g := gaps[0]
			gaps = gaps[1:]
			if g.First < v.report.First {
				missing(min(g.First, v.report.First) - 1)
				next = max(next, g.Last+1)
			}
			continue
		}
		r := removals[0]
		removals = removals[1:]
		v.report.Removals = append(v.report.Removals, r)
		missing(r.First - 1)
		next = max(next, r.Last+1)
		if v.Store != nil {
			v.balance(&r)
		}
	}
	missing(v.report.First - 1)
}

// balance compares the number of entries of a segment with those that archives have, and those
// that nobody kept.
func (v *verifier) balance(r *Removal) {
	left := r.Records - r.discarded() - v.archived.count(r.First, r.Last)
	if left <= 0 {
		return
	}
	details := []string{fmt.Sprintf("%d of them are neither in the archives nor recorded as past their time", left)}
	for _, name := range r.Archives {
		if v.account.expired[name] {
			return // its time was over, and nobody knows how many it had
		}
		if !slices.ContainsFunc(v.report.Archives, func(a Archive) bool { return a.Name == name }) {
			details = append(details, "the archive "+name+" is missing")
		}
	}
	v.find(seal.Finding{Kind: seal.Missing, First: r.First, Last: r.Last, Detail: strings.Join(details, "; ")})
}

// leaves returns the leaves of the ledger.
func (v *verifier) leaves(r *ledger.Reader) (*seal.Leaves, error) {
	files := v.Seal.Files
	if files == nil {
		files = seal.OpenDir(filepath.Join(r.Dir(), seal.DirName))
	}
	return seal.OpenLeaves(files, v.Seal.Held, v.Seal.Keys...)
}
