package config

import (
	"fmt"
	"os"
	"time"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"go.yaml.in/yaml/v3"
)

// ledgerModel configures the ledger.
type ledgerModel struct {
	Dir          text               `key:"dir,required"`
	SyncInterval duration           `key:"sync_interval"`
	MaxSize      size               `key:"max_size"`
	SegmentSize  size               `key:"segment_size"`
	Retention    retentionModel     `key:"retention"`
	Salvage      flag               `key:"salvage"`
	LockWait     duration           `key:"lock_wait"`
	GroupWrite   flag               `key:"group_writable"`
	ScrubRate    scrubRate          `key:"scrub_rate"`
	DenseFrames  flag               `key:"dense_frames"`
	Control      flag               `key:"control"`
	Index        flag               `key:"index"`
	Export       *ledgerExportModel `key:"export"`
}

// exportModel configures how records are exported.
type exportModel struct {
	BatchSize count    `key:"batch_size"`
	Interval  duration `key:"interval"`
	Timeout   duration `key:"timeout"`
	Backoff   duration `key:"backoff"`
}

// ledgerExportModel configures all exporters of a ledger.
type ledgerExportModel struct {
	exportModel

	BatchBytes size `key:"batch_bytes"`
}

// retentionModel is until_exported, or a mapping.
type retentionModel struct {
	word   retentionWord
	bounds *retentionBounds
}

type retentionWord string

// untilExported removes entries once all exporters have them.
const untilExported = "until_exported"

func (*retentionWord) tags() []string { return []string{tagText} }

func (w *retentionWord) set(s string) *fault {
	f := oneOf(w, s, untilExported)
	if f != nil {
		f.message = "it must be a mapping with age or size, or " + untilExported
	}
	return f
}

type retentionBounds struct {
	Age  duration `key:"age"`
	Size size     `key:"size"`
}

func (r *retentionModel) decode(d *decoder, n *yaml.Node, path string) {
	if n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		d.problem(n, path, "it has neither age nor size; remove it to keep everything", "")
	}
	r.bounds = scalarOr[retentionBounds](d, n, path, &r.word)
}

// scrubRate is a number of bytes a second, or scrubOff.
type scrubRate size

// scrubOff disables the scrub. Its word is none.
const scrubOff scrubRate = -1

func (*scrubRate) tags() []string { return []string{tagInt, tagText} }

func (r *scrubRate) set(s string) *fault {
	if s == none {
		*r = scrubOff
		return nil
	}
	if f := (*size)(r).set(s); f != nil {
		f.message = "it must be a positive number of bytes a second, such as 10MiB, or " + none
		return f
	}
	return nil
}

func (l *ledgerModel) check(d *decoder, path string, exporters *exportersModel) {
	if l == nil {
		return
	}
	if info, err := os.Stat(string(l.Dir)); err == nil && !info.IsDir() {
		d.report(join(path, "dir"), "it is not a directory")
	}
	segment := int64(ledger.DefaultSegmentSize)
	if l.SegmentSize > 0 {
		segment = int64(l.SegmentSize)
	}
	if segment < ledger.MinSegmentSize || segment > ledger.MaxSegmentSize {
		d.report(join(path, "segment_size"), "it must be between 64KiB and 2GiB")
	} else if l.MaxSize > 0 && int64(l.MaxSize) < 2*segment {
		d.report(join(path, "max_size"), fmt.Sprintf("it is less than two segments of %d bytes", segment))
	}
	if l.Retention.word == untilExported && exporters.none {
		d.report(join(path, "retention"), "without exporters it would keep nothing")
	}
	if l.Export != nil && l.Export.BatchSize > count(ledger.MaxCommitAhead) {
		d.report(join(path, "export", "batch_size"), fmt.Sprintf("it is more than %d", ledger.MaxCommitAhead))
	}
}

// removes reports whether the ledger removes entries by itself.
func (l *ledgerModel) removes() bool { return l.Retention.word != "" || l.Retention.bounds != nil }

// options returns the options of the ledger, with its exporters.
func (l *ledgerModel) options(exporters []export.Exporter) []sdk.LedgerOption {
	var opts []sdk.LedgerOption
	if l.SyncInterval > 0 {
		opts = append(opts, ledger.WithSyncInterval(time.Duration(l.SyncInterval)))
	}
	if l.MaxSize > 0 {
		opts = append(opts, ledger.WithMaxSize(int64(l.MaxSize)))
	}
	if l.SegmentSize > 0 {
		opts = append(opts, ledger.WithSegmentSize(int64(l.SegmentSize)))
	}
	if b := l.Retention.bounds; b != nil {
		opts = append(opts, ledger.WithRetention(time.Duration(b.Age), int64(b.Size)))
	} else if l.Retention.word == untilExported {
		opts = append(opts, ledger.WithRetention(0, 0))
	}
	if l.Salvage == flagTrue {
		opts = append(opts, ledger.WithSalvage())
	}
	if l.LockWait > 0 {
		opts = append(opts, ledger.WithLockWait(time.Duration(l.LockWait)))
	}
	if l.GroupWrite == flagTrue {
		opts = append(opts, ledger.WithGroupWritable())
	}
	if l.ScrubRate != 0 {
		opts = append(opts, ledger.WithScrub(max(int64(l.ScrubRate), 0)))
	}
	if l.DenseFrames == flagTrue {
		opts = append(opts, ledger.WithDenseFrames())
	}
	if l.Control == flagTrue {
		opts = append(opts, sdk.WithControl())
	}
	if l.Index != flagFalse {
		opts = append(opts, ledger.WithSidecars(ledgerquery.NewIndexer()))
	}
	for _, e := range exporters {
		opts = append(opts, sdk.ExportTo(e, l.exportOptions()...))
	}
	return opts
}

func (l *ledgerModel) exportOptions() []sdk.ExportOption {
	if l.Export == nil {
		return nil
	}
	var opts []sdk.ExportOption
	for _, opt := range l.Export.options() {
		opts = append(opts, opt)
	}
	if l.Export.BatchBytes > 0 {
		opts = append(opts, sdk.WithBatchBytes(int(l.Export.BatchBytes)))
	}
	return opts
}

// options returns the options for the keys that are set.
func (e *exportModel) options() []sdk.DeliveryOption {
	var opts []sdk.DeliveryOption
	if e.BatchSize > 0 {
		opts = append(opts, sdk.WithBatchSize(int(e.BatchSize)))
	}
	if e.Interval > 0 {
		opts = append(opts, sdk.WithBatchInterval(time.Duration(e.Interval)))
	}
	if e.Timeout > 0 {
		opts = append(opts, sdk.WithExportTimeout(time.Duration(e.Timeout)))
	}
	if e.Backoff > 0 {
		opts = append(opts, sdk.WithBackoff(time.Duration(e.Backoff)))
	}
	return opts
}
