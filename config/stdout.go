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

	File   text       `key:"file"`
	Format formatWord `key:"format"`
	Color  flag       `key:"color"`
}

type formatWord string

func (*formatWord) tags() []string { return []string{tagText} }

func (w *formatWord) set(s string) *fault { return oneOf(w, s, "json", "text") }

func (m *stdoutModel) check(_ context.Context, d *decoder, path string) {
	if m.Color == flagTrue && m.Format != "text" {
		d.report(join(path, "color"), "it requires format: text")
	}
	if info, err := os.Stat(string(m.File)); err == nil && info.IsDir() {
		d.report(join(path, "file"), "it is a directory")
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
	e, err := stdout.New(opts...)
	if err != nil {
		d.reportError(path, err)
		return nil
	}
	return e
}
