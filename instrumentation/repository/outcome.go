package auditrepo

import (
	"errors"
	"io/fs"
)

// isPermission is the default of Config.Denied.
func isPermission(err error) bool { return errors.Is(err, fs.ErrPermission) }
