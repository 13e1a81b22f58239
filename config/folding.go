package config

import (
	"time"

	"github.com/opendeed/audit/sdk"
)

// foldingModel is the key folding.
type foldingModel struct {
	Limit  count    `key:"limit"`
	Window duration `key:"window"`
}

func (f *foldingModel) options() []sdk.Option {
	if f.Limit == 0 && f.Window == 0 {
		return nil
	}
	limit, window := sdk.DefaultFoldingLimit, sdk.DefaultFoldingWindow
	if f.Limit > 0 {
		limit = int(f.Limit)
	}
	if f.Window > 0 {
		window = time.Duration(f.Window)
	}
	return []sdk.Option{sdk.WithFolding(limit, window)}
}
