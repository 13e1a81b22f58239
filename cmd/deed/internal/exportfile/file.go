// Package exportfile writes an export: a file with records, and its manifest. The file gets
// its name when it is complete. Until then it is a part beside it, with a checkpoint, from
// which an export that was interrupted or killed continues.
package exportfile

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/opendeed/audit/cmd/deed/internal/aside"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/report"
)

// Suffixes of the files beside an export.
const (
	ManifestSuffix   = ".manifest.json"
	partSuffix       = ".part"
	checkpointSuffix = ".part.json"
)

// ErrExists means that the file exists already.
var ErrExists = errors.New("it exists; choose another name, or add --force to replace it")

// ErrNotFile means that the name is that of a directory, a link or a device, which an export would
// replace.
var ErrNotFile = errors.New("it is not a regular file, and an export would replace it; name a file, or write to standard output with deed query --oldest --format csv")

// ErrDiffers means that a part is of another export.
var ErrDiffers = errors.New("it is a part of another export, with other flags; finish that one, or remove it")

// errBusy means that a part is being written.
var errBusy = errors.New("another export is writing it; wait until that ends, or choose another name")

// checkpoint is how far a part is known to be on the disk.
type checkpoint struct {
	Plan     report.Plan  `json:"plan"`
	Records  int64        `json:"records"`
	Bytes    int64        `json:"bytes"`
	Hash     []byte       `json:"hash"` // the state of SHA-256
	Cursor   string       `json:"cursor"`
	Range    report.Range `json:"range"`
	Problems []string     `json:"problems,omitempty"`
}

// maxProblems is how many problems a manifest lists.
const maxProblems = 1000

// File is an export that is being written.
type File struct {
	path     string
	state    checkpoint
	file     *os.File
	buffer   *bufio.Writer
	hash     resumableHash
	encoder  encoder
	lastSeen query.Line // that was written; the zero value if none was
}

// resumableHash is a hash whose state can be stored.
type resumableHash interface {
	hash.Hash
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

// Create begins an export, or continues one of the same plan if resume is true and a part
// exists. After is the cursor of the last record that the file has, or "".
func Create(path string, plan report.Plan, zone *time.Location, force, resume bool) (f *File, after string, err error) {
	if err := checkName(path, force); err != nil {
		return nil, "", err
	}
	sum, ok := sha256.New().(resumableHash)
	if !ok {
		return nil, "", errors.New("the state of SHA-256 cannot be stored")
	}
	f = &File{path: path, state: checkpoint{Plan: plan}, hash: sum}
	if err := f.openPart(); err != nil {
		return nil, "", err
	}
	err = checkName(path, force) // again, since an export that has just ended gave it its name
	if err == nil {
		err = f.readState(resume)
	}
	if err == nil {
		err = f.cutPart()
	}
	if err != nil {
		return nil, "", errors.Join(err, f.giveUp())
	}
	f.buffer = bufio.NewWriterSize(io.MultiWriter(f.file, f.hash), 1<<20)
	if f.encoder, err = newEncoder(f, plan, zone, f.state.Bytes > 0); err != nil {
		return nil, "", errors.Join(err, f.file.Close())
	}
	return f, f.state.Cursor, nil
}

// checkName reports whether an export may have a name.
func checkName(path string, force bool) error {
	switch info, err := os.Lstat(path); {
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("%s: %w", path, ErrNotFile)
	case err == nil && !force:
		return fmt.Errorf("%s: %w", path, ErrExists)
	}
	return nil
}

// openPart opens the part, and locks it: two exports that write to it would mix their bytes.
func (f *File) openPart() (err error) {
	part := f.path + partSuffix
	if f.file, err = os.OpenFile(part, os.O_CREATE|os.O_RDWR, 0o600); err != nil { //nolint:gosec // the user names the file
		return err
	}
	if errors.Is(aside.Lock(f.file), aside.ErrHeld) { // a file system may have no locks
		return errors.Join(fmt.Errorf("%s: %w", part, errBusy), f.file.Close())
	}
	mine, err := f.file.Stat()
	if err == nil {
		if now, statErr := os.Lstat(part); statErr != nil || !os.SameFile(mine, now) { // it got its name meanwhile
			err = fmt.Errorf("%s: %w", part, errBusy)
		}
	}
	if err != nil {
		return errors.Join(err, f.file.Close())
	}
	return nil
}

// giveUp closes the part, and removes it if it has nothing: while it is locked, since it may be the
// part of another export afterwards. Windows removes no open file, and keeps it.
func (f *File) giveUp() error {
	info, err := f.file.Stat()
	if err == nil && info.Size() == 0 && runtime.GOOS != "windows" {
		err = os.Remove(f.path + partSuffix)
	}
	return errors.Join(err, f.file.Close())
}

// readState reads the checkpoint, if the part has one.
func (f *File) readState(resume bool) error {
	part, plan := f.path+partSuffix, f.state.Plan
	known, err := readCheckpoint(f.path + checkpointSuffix)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !resume:
		return fmt.Errorf("%s: an export was interrupted; add --resume to continue it, or remove it and %s", part, f.path+checkpointSuffix)
	case !samePlan(known.Plan, plan):
		return fmt.Errorf("%s: %w", part, ErrDiffers)
	}
	f.state = *known
	return nil
}

// Known returns the filter of the part that an export would continue, or nil.
func Known(path string) (json.RawMessage, error) {
	known, err := readCheckpoint(path + checkpointSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return known.Plan.Filter, nil
}

func readCheckpoint(path string) (*checkpoint, error) {
	data, err := os.ReadFile(path) //nolint:gosec // beside the file that the user names
	if err != nil {
		return nil, err
	}
	c := &checkpoint{}
	if err := json.Unmarshal(data, c); err != nil {
		return nil, fmt.Errorf("%s is damaged; remove it to begin anew: %w", path, err)
	}
	return c, nil
}

func samePlan(a, b report.Plan) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

// cutPart cuts off what comes after the checkpoint, and checks what comes before.
func (f *File) cutPart() error {
	if f.state.Bytes > 0 {
		if err := f.hash.UnmarshalBinary(f.state.Hash); err != nil {
			return err
		}
		sum := sha256.New()
		n, err := io.CopyN(sum, f.file, f.state.Bytes)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if n < f.state.Bytes || !bytes.Equal(sum.Sum(nil), f.hash.Sum(nil)) {
			return fmt.Errorf("%s is not what its checkpoint says; remove both to begin anew", f.file.Name())
		}
	}
	err := f.file.Truncate(f.state.Bytes)
	if err == nil {
		_, err = f.file.Seek(f.state.Bytes, io.SeekStart)
	}
	return err
}

func (f *File) write(lines []byte) error {
	n, err := f.buffer.Write(lines)
	f.state.Bytes += int64(n)
	return err
}

// Records returns how many records the file has.
func (f *File) Records() int64 { return f.state.Records }

// Bytes returns how many bytes the file has.
func (f *File) Bytes() int64 { return f.state.Bytes }

// Add adds a record. An error may be that of a record before it.
func (f *File) Add(l query.Line) error {
	if f.state.Range.FirstTime == nil {
		f.state.Range.AddFirst(&l)
	}
	return f.encoder.add(l)
}

// wrote notes that n records were written, the last of which is last.
func (f *File) wrote(n int64, last *query.Line) {
	f.state.Records += n
	f.lastSeen = *last
}

// Problem notes that something could not be read.
func (f *File) Problem(err error) {
	if len(f.state.Problems) < maxProblems {
		f.state.Problems = append(f.state.Problems, err.Error())
	}
}

// Checkpoint makes what was added durable, so that it need not be written again, if the format
// allows that.
func (f *File) Checkpoint() error {
	if !f.encoder.resumable() {
		return nil
	}
	if err := f.encoder.flush(); err != nil {
		return err
	}
	return f.save()
}

// save makes the bytes of all records that were written durable, and a checkpoint if the format
// has one.
func (f *File) save() error {
	if f.lastSeen.JSON != "" {
		f.state.Cursor = f.lastSeen.Cursor()
		f.state.Range.AddLast(&f.lastSeen)
	}
	err := f.buffer.Flush()
	if err == nil {
		err = f.file.Sync()
	}
	if err == nil {
		f.state.Hash, err = f.hash.MarshalBinary()
	}
	if err != nil || !f.encoder.resumable() {
		return err
	}
	return writeJSON(f.path+checkpointSuffix, f.state)
}

// Close closes the part as it is. What came after its last checkpoint is written again when the
// export is continued. After Stop and Finish it does nothing.
func (f *File) Close() error {
	if err := f.file.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// Stop keeps the part, so that the export can be continued.
func (f *File) Stop() error { return errors.Join(f.Checkpoint(), f.file.Close()) }

// Finish gives the file its name, after its manifest.
func (f *File) Finish(by, tool string) (*report.Manifest, error) {
	err := f.encoder.close()
	if err == nil {
		err = f.save()
	}
	if runtime.GOOS == "windows" { // which renames no open file; elsewhere it stays locked until it has its name
		err = errors.Join(err, f.file.Close())
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	defer func() { _ = f.Close() }() // it is durable
	m := &report.Manifest{
		Version: report.ManifestVersion, File: filepath.Base(f.path), Records: f.state.Records, Bytes: f.state.Bytes,
		SHA256: hex.EncodeToString(f.hash.Sum(nil)), Complete: len(f.state.Problems) == 0, Problems: f.state.Problems,
		Range: f.state.Range, Plan: f.state.Plan, Created: time.Now().UTC().Truncate(time.Second), By: by, Tool: tool,
	}
	if err := writeJSON(f.path+ManifestSuffix, m); err != nil {
		return nil, err
	}
	if err := os.Rename(f.path+partSuffix, f.path); err != nil {
		return nil, err
	}
	err = os.Remove(f.path + checkpointSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return m, errors.Join(aside.SyncDir(filepath.Dir(f.path)), err)
}

// writeJSON replaces a file at once.
func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return aside.Replace(path, append(data, '\n'))
}
