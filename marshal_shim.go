package audit

import (
	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/internal/sorted"
)

var (
	findKey = sorted.FindKey
	isPlain = sanitize.Plain
)
