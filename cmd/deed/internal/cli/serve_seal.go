package cli

import (
	"context"
	"os"
	"sync"

	"github.com/opendeed/audit/cmd/deed/internal/source"
	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/seal"
	"github.com/opendeed/audit/viewer"
	"github.com/opendeed/audit/viewer/sealed"
)

// provers returns a prover of each ledger that is sealed, if there is a public key.
func (c *serveCommand) provers(set *source.Set) ([]*sealed.Prover, error) {
	sealedDirs := sealedOf(set.Dirs)
	if !c.given() {
		switch {
		case c.verify:
			_, err := c.verifiers()
			return nil, err
		case len(sealedDirs) > 0:
			c.note("-- %s is sealed; name its public key with --key to see proofs", term.Clean(sealedDirs[0]))
		}
		return nil, nil
	}
	keys, err := c.verifiers()
	if err != nil {
		return nil, err
	}
	if len(sealedDirs) == 0 && (c.verify || len(c.texts) > 0) {
		return nil, usagef("nothing here is sealed, so leave out --key and --verify; sdk.WithSeal seals a ledger, and so does deed seal now")
	}
	if c.anchor != "" && len(sealedDirs) > 1 {
		return nil, usagef("--anchor is the checkpoint of one ledger, and there are %d", len(sealedDirs))
	}
	var provers []*sealed.Prover
	for _, dir := range sealedDirs {
		p, err := sealed.NewProver(dir, keys, c.ledgerOptions()...)
		if err != nil {
			return nil, err
		}
		if reader := set.Ledger(dir); reader != nil {
			p.UseIndex(reader.Sequences)
		}
		provers = append(provers, p)
	}
	return provers, nil
}

func viewers(provers []*sealed.Prover) (all []viewer.Prover) {
	for _, p := range provers {
		all = append(all, p)
	}
	return all
}

// verifyAll verifies in the background if that was asked for. The function that it returns
// stops and waits.
func (c *serveCommand) verifyAll(ctx context.Context, provers []*sealed.Prover) (stop func()) {
	if !c.verify {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() {
		for _, p := range provers {
			if err := c.verifyOne(ctx, p); err != nil && ctx.Err() == nil {
				c.complain(err)
			}
		}
	})
	return func() {
		cancel()
		group.Wait()
	}
}

func (c *serveCommand) verifyOne(ctx context.Context, p *sealed.Prover) error {
	var opts seal.VerifyOptions
	if c.anchor != "" {
		held, err := os.ReadFile(c.anchor)
		if err != nil {
			return err
		}
		opts.Held = held
	}
	report, err := p.Verify(ctx, opts)
	if err == nil && !report.Intact() {
		err = errNotSealed
	}
	return err
}
