//go:build unix

package erasure

import "os"

// syncDir makes the entries of an open directory durable.
func syncDir(d *os.File) error { return d.Sync() }
