package config

import (
	"slices"
	"time"

	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/seal"
	"github.com/opendeed/audit/seal/witness"
	"go.yaml.in/yaml/v3"
)

// sealModel is the file of the private key, or a mapping.
type sealModel struct {
	Key         text     `key:"key,required"`
	PreviousKey text     `key:"previous_key"`
	Anchor      text     `key:"anchor"`
	Witnesses   text     `key:"witnesses"`
	Interval    duration `key:"interval"`
}

// sealText lets a text stand for a mapping with the key alone.
type sealText struct{ sealModel }

func (s *sealText) decode(d *decoder, n *yaml.Node, path string) {
	if n.Kind == yaml.MappingNode {
		d.structure(n, path, valueOf(&s.sealModel))
		return
	}
	d.scalar(n, path, &s.Key)
}

// checkSeal reports a seal without a ledger, or of one that removes entries without a record.
func (c *Config) checkSeal() {
	if c.model.Seal == nil {
		return
	}
	l := c.model.Ledger
	if l == nil {
		c.decoder.report("seal", "it seals a ledger, and there is none")
	} else if l.removes() && !c.decoder.hasProblem("ledger.retention") {
		c.decoder.report("ledger.retention", "the ledger is sealed, and no record would account for what is removed, so deed verify would report it as missing; "+
			"remove it, and remove entries by the rules of retention, with deed retention apply")
	}
}

// Warnings returns what is valid and most likely a mistake, each as a sentence without values. A
// provider logs the same when it starts.
func (c *Config) Warnings() []string {
	s := c.model.Seal
	if s == nil || s.Anchor != "" || s.Witnesses != "" || slices.ContainsFunc(c.model.Exporters.list, keepsCheckpoints) {
		return nil
	}
	return []string{"seal: nothing outside of the ledger's directory has its checkpoints, so nobody would notice that the ledger was removed or an old copy put back; set seal.anchor or seal.witnesses"}
}

// keepsCheckpoints reports whether an exporter keeps the checkpoints of a sealed ledger.
func keepsCheckpoints(e exporterModel) bool {
	switch m := e.(type) {
	case *mongodbModel:
		return m.Checkpoints != flagFalse
	case *stdoutModel:
		return m.Checkpoints == flagTrue
	case *otlpModel:
		return true
	}
	return false
}

// options returns the option of the seal. It reads the keys.
func (s *sealText) options() ([]sdk.Option, error) {
	if s == nil {
		return nil, nil
	}
	key, err := seal.LoadKey(string(s.Key))
	if err != nil {
		return nil, err
	}
	var opts []seal.Option
	if s.PreviousKey != "" {
		previous, err := seal.LoadKey(string(s.PreviousKey))
		if err != nil {
			return nil, err
		}
		opts = append(opts, seal.WithPreviousKey(previous))
	}
	if s.Anchor != "" {
		opts = append(opts, seal.WithAnchor(seal.AnchorFile(string(s.Anchor))))
	}
	if s.Witnesses != "" {
		policy, err := witness.LoadPolicy(string(s.Witnesses))
		if err != nil {
			return nil, err
		}
		opts = append(opts, seal.WithWitnesses(witness.NewClient(policy)))
	}
	if s.Interval > 0 {
		opts = append(opts, seal.WithInterval(time.Duration(s.Interval)))
	}
	return []sdk.Option{sdk.WithSeal(key, opts...)}, nil
}
