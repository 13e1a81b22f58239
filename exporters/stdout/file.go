package stdout

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// file watches over a regular file that the exporter writes to, so that no line ends up in
// a file that nobody finds. It does nothing for other writers.
type file struct {
	path string   // "" if none led to the file from the start
	f    *os.File // nil if the writer is no regular file
	info os.FileInfo
	own  bool // WithFile opened it
}

// watch returns the file for a writer. It watches the path that led to f, which need not be
// known: that of a redirected standard output is not.
func watch(f *os.File) file {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || isRemoved(info) {
		return file{}
	}
	w := file{f: f, info: info}
	if path, err := filepath.Abs(f.Name()); err == nil {
		if w.path = path; w.moved() {
			w.path = ""
		}
	}
	return w
}

// openFile opens the file of WithFile.
func openFile(path string) (file, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return file{}, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // the path is configured, not a client's
	if err != nil {
		return file{}, err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return file{}, err
	}
	return file{path: path, f: f, info: info, own: true}, nil
}

// moved reports whether the path does not lead to the file any more.
func (w *file) moved() bool {
	if w.path == "" || !w.info.Mode().IsRegular() {
		return false
	}
	info, err := os.Stat(w.path)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	return !os.SameFile(info, w.info)
}

// removed reports whether the file has lost its last name, so that what was written to it
// is gone.
func (w *file) removed() bool {
	if w.f == nil {
		return false
	}
	info, err := w.f.Stat()
	return err == nil && info.Mode().IsRegular() && isRemoved(info)
}

// FileMovedError reports that a file was renamed or removed, by log rotation for example,
// while the exporter had it open. Nothing was written, or what was written is gone.
type FileMovedError struct {
	// Path is where the file was, or its name when it was opened.
	Path string
}

// Error describes the error and what to do.
func (e *FileMovedError) Error() string {
	return e.Path + " was renamed or removed while it was written; use stdout.WithFile, which opens it again"
}

// follow opens the file again if it was moved. It is an error if the exporter did not open
// it itself.
func (e *Exporter) follow() error {
	if !e.file.moved() {
		return nil
	}
	if !e.file.own {
		return &FileMovedError{Path: e.file.path}
	}
	if len(e.torn) > 0 && !e.unknown {
		// The line was begun in the old file, which may have another name now.
		if n, err := e.file.f.Write(e.torn); n < len(e.torn) {
			e.torn = append(e.torn[:0], e.torn[n:]...)
			if !e.file.removed() {
				return err
			}
		}
	}
	if e.file.removed() {
		e.unconfirmed = unconfirmed{} // what is gone can be written again
	}
	next, err := openFile(e.file.path)
	if err != nil {
		return err
	}
	old := e.file.f
	e.file, e.writer = next, next.f
	e.torn, e.unknown = e.torn[:0], false
	return old.Close()
}

// lost returns an error if the batch was written to a file that was removed meanwhile.
func (e *Exporter) lost() error {
	if !e.file.removed() {
		return nil
	}
	e.torn, e.unconfirmed = e.torn[:0], unconfirmed{}
	path := e.file.path
	if path == "" {
		path = e.file.f.Name()
	}
	return &FileMovedError{Path: path}
}
