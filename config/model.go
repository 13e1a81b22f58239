package config

import (
	"context"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/sdk"
	"go.yaml.in/yaml/v3"
)

// model is a decoded configuration. A zero field is not set.
type model struct {
	Version        version          `key:"version"`
	Service        serviceModel     `key:"service"`
	TrackTimeout   duration         `key:"track_timeout"`
	AttemptTimeout duration         `key:"attempt_timeout"`
	GapRecords     duration         `key:"gap_records"`
	Folding        foldingModel     `key:"folding"`
	Anonymous      []text           `key:"anonymous"`
	Validation     *validationModel `key:"validation"`
	Policy         []ruleModel      `key:"policy"`
	Redaction      *redactionModel  `key:"redaction"`
	Erasure        *erasureModel    `key:"erasure"`
	Ledger         *ledgerModel     `key:"ledger"`
	Retention      *recordsModel    `key:"retention"`
	Seal           *sealText        `key:"seal"`
	Exporters      exportersModel   `key:"exporters,required"`
}

// version is the version of the format.
type version int

func (*version) tags() []string { return []string{tagInt} }

func (v *version) set(s string) *fault {
	if s != "1" {
		return &fault{message: "it must be 1, the only version"}
	}
	*v = 1
	return nil
}

// exportersModel is a list of exporters, or the word none.
type exportersModel struct {
	none bool
	list []exporterModel
}

// exporterModel is implemented by the model of each exporter type.
type exporterModel interface {
	common() *exporterCommon
	// check reports problems. It connects to no server.
	check(ctx context.Context, d *decoder, path string)
	// open creates the exporter. If that fails, it reports the problem and returns nil.
	open(ctx context.Context, s *settings, d *decoder, path string) export.Exporter
}

// exporterCommon has the keys of all exporters.
type exporterCommon struct {
	Type     text         `key:"type,required"`
	Name     text         `key:"name"`
	Filter   filterModel  `key:"filter"`
	Delivery deliveryWord `key:"delivery"`
	Batch    *batchModel  `key:"batch"`
}

func (c *exporterCommon) common() *exporterCommon { return c }

// name returns the name of the exporter, by default its type.
func (c *exporterCommon) name() string {
	if c.Name != "" {
		return string(c.Name)
	}
	return string(c.Type)
}

// The types of exporters.
const (
	typeStdout  = "stdout"
	typeMongoDB = "mongodb"
	typeOTLP    = "otlp"
)

var exporterTypes = []string{typeStdout, typeMongoDB, typeOTLP}

// newExporterModel returns the model of an exporter type, or nil.
func newExporterModel(exporterType string) exporterModel {
	switch exporterType {
	case typeStdout:
		return &stdoutModel{}
	case typeMongoDB:
		return &mongodbModel{}
	case typeOTLP:
		return &otlpModel{}
	}
	return nil
}

// none stands for no exporters. They must not be omitted by accident.
const none = "none"

const (
	errNoExporters = "it must be a list of exporters, or none with a ledger"
	errNoVariable  = "it is not set; set it to a list of stdout, mongodb and otlp, or to none with a ledger; or set " +
		FileVariable + " to the path of a file"
)

func (x *exportersModel) decode(d *decoder, n *yaml.Node, path string) {
	switch {
	case n.Kind == yaml.ScalarNode:
		if text, _, ok := d.text(n, path); ok && text != none {
			d.problem(n, path, errNoExporters, "")
		}
		x.none = true
	case len(n.Content) == 0 && d.source.file == "":
		d.problem(n, path, errNoVariable, "")
	case n.Kind != yaml.SequenceNode || len(n.Content) == 0:
		d.problem(n, path, errNoExporters, "")
	}
	if n.Kind != yaml.SequenceNode {
		return
	}
	for i, item := range n.Content {
		x.list = append(x.list, d.exporter(item, index(path, i)))
	}
}

// exporter decodes an exporter, or returns nil.
func (d *decoder) exporter(n *yaml.Node, path string) exporterModel {
	d.nodes[path] = n
	if !d.checkPlain(n, path) {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		d.problem(n, path, "it must be a mapping with a type", "")
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != "type" {
			continue
		}
		value := n.Content[i+1]
		m := newExporterModel(value.Value)
		if m == nil || value.ShortTag() != tagText {
			d.problem(value, join(path, "type"), "it must be one of stdout, mongodb, otlp, without variables", nearest(value.Value, exporterTypes))
			return nil
		}
		d.value(n, path, valueOf(m))
		return m
	}
	d.problem(n, join(path, "type"), "it is missing; use one of stdout, mongodb, otlp", "")
	return nil
}

// deliveryWord is how an exporter gets records without a ledger.
type deliveryWord string

// The kinds of delivery.
const (
	deliverySync  = "sync"
	deliveryBatch = "batch"
)

func (*deliveryWord) tags() []string { return []string{tagText} }

func (w *deliveryWord) set(s string) *fault { return oneOf(w, s, deliverySync, deliveryBatch) }

// batchModel configures a batcher.
type batchModel struct {
	exportModel

	QueueSize   count `key:"queue_size"`
	MaxAttempts count `key:"max_attempts"`
}

// options returns the options for the keys that are set.
func (b *batchModel) options() []sdk.BatcherOption {
	if b == nil {
		return nil
	}
	var opts []sdk.BatcherOption
	for _, opt := range b.exportModel.options() {
		opts = append(opts, opt)
	}
	if b.QueueSize > 0 {
		opts = append(opts, sdk.WithQueueSize(int(b.QueueSize)))
	}
	if b.MaxAttempts > 0 {
		opts = append(opts, sdk.WithMaxAttempts(int(b.MaxAttempts)))
	}
	return opts
}
