// Package exportfile writes an export: a file with records, and its manifest. The file gets
// its name when it is complete. Until then it is a part beside it, with a checkpoint, from
// which an export that was interrupted or killed continues.
package exportfile

import (
	"bufio"
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
	switch info, err := os.Lstat(path); {
	case err == nil && !info.Mode().IsRegular():
		return nil, "", fmt.Errorf("%s: %w", path, ErrNotFile)
	case err == nil && !force:
		return nil, "", fmt.Errorf("%s: %w", path, ErrExists)
	}
	sum, ok := sha256.New().(resumableHash)
	if !ok {
		return nil, "", errors.New("the state of SHA-256 cannot be stored")
	}
	f = &File{path: path, state: checkpoint{Plan: plan}, hash: sum}
	known, err := readCheckpoint(path + checkpointSuffix)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, "", err
	case !resume:
		return nil, "", fmt.Errorf("%s: an export was interrupted; add --resume to continue it, or remove it and %s", path+partSuffix, path+checkpointSuffix)
	case !samePlan(known.Plan, plan):
		return nil, "", fmt.Errorf("%s: %w", path+partSuffix, ErrDiffers)
	default:
		f.state = *known
	}
	if err := f.openPart(); err != nil {
		return nil, "", err
	}
	f.buffer = bufio.NewWriterSize(io.MultiWriter(f.file, f.hash), 1<<20)
	if f.encoder, err = newEncoder(f, plan, zone, f.state.Bytes > 0); err != nil {
		return nil, "", errors.Join(err, f.file.Close())
	}
	return f, f.state.Cursor, nil
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

// openPart opens the part, and cuts off what comes after the checkpoint.
func (f *File) openPart() (err error) {
	flags := os.O_CREATE | os.O_RDWR
	if f.state.Bytes == 0 {
		flags |= os.O_TRUNC
	}
	if f.file, err = os.OpenFile(f.path+partSuffix, flags, 0o600); err != nil {
		return err
	}
	if f.state.Bytes > 0 {
		err = f.hash.UnmarshalBinary(f.state.Hash)
	}
	var info fs.FileInfo
	if err == nil {
		info, err = f.file.Stat()
	}
	if err == nil && info.Size() < f.state.Bytes {
		err = fmt.Errorf("%s is shorter than its checkpoint says; remove both to begin anew", f.file.Name())
	}
	if err == nil {
		err = f.file.Truncate(f.state.Bytes)
	}
	if err == nil {
		_, err = f.file.Seek(f.state.Bytes, io.SeekStart)
	}
	if err != nil {
		return errors.Join(err, f.file.Close())
	}
	return nil
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

// Stop keeps the part, so that the export can be continued.
func (f *File) Stop() error { return errors.Join(f.Checkpoint(), f.file.Close()) }

// Finish gives the file its name, after its manifest.
func (f *File) Finish(by, tool string) (*report.Manifest, error) {
	err := f.encoder.close()
	if err == nil {
		err = f.save()
	}
	if err := errors.Join(err, f.file.Close()); err != nil {
		return nil, err
	}
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
