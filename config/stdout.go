package config

import (
	"context"
	"os"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/exporters/stdout"
)

// stdoutModel configures an exporter to standard output or a file.
type stdoutModel struct {
	exporterCommon

	File        text       `key:"file"`
	Format      formatWord `key:"format"`
	Color       flag       `key:"color"`
	Places      flag       `key:"places"`
	Checkpoints flag       `key:"checkpoints"`
}

type formatWord string

func (*formatWord) tags() []string { return []string{tagText} }

func (w *formatWord) set(s string) *fault { return oneOf(w, s, "json", "text") }

func (m *stdoutModel) check(_ context.Context, d *decoder, path string) {
	if m.Color == flagTrue && m.Format != "text" {
		d.report(join(path, "color"), "it requires format: text")
	}
	if m.Places == flagTrue && m.Format == "text" {
		d.report(join(path, "places"), "it requires format: json")
	}
	if m.Checkpoints == flagTrue && m.Format == "text" {
		d.report(join(path, "checkpoints"), "it requires format: json")
	}
	if info, err := os.Stat(string(m.File)); err == nil && info.IsDir() {
		d.report(join(path, "file"), "it is a directory")
	}
}

// checkLedger reports keys that have no effect without a ledger, or without its seal.
func (m *stdoutModel) checkLedger(d *decoder, path string, all *model) {
	if m.Places == flagTrue && all.Ledger == nil {
		d.report(join(path, "places"), "it needs a ledger")
	}
	if m.Checkpoints == flagTrue && all.Seal == nil {
		d.report(join(path, "checkpoints"), "it needs a sealed ledger; set seal")
	}
}

func (m *stdoutModel) open(_ context.Context, s *settings, d *decoder, path string) export.Exporter {
	opts := []stdout.Option{stdout.WithName(m.name())}
	switch {
	case m.File != "":
		opts = append(opts, stdout.WithFile(string(m.File)))
	case s.stdout != nil:
		opts = append(opts, stdout.WithWriter(s.stdout))
	}
	if m.Format == "text" {
		opts = append(opts, stdout.WithText())
	}
	if m.Color != flagUnset {
		opts = append(opts, stdout.WithColor(m.Color == flagTrue))
	}
	if m.Places == flagTrue {
		opts = append(opts, stdout.WithPlaces())
	}
	if m.Checkpoints == flagTrue {
		opts = append(opts, stdout.WithCheckpoints())
	}
	e, err := stdout.New(opts...)
	if err != nil {
		d.reportError(path, err)
		return nil
	}
	return e
}
