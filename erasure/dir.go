package erasure

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/opendeed/audit/internal/files"
)

// Dir is a KeyStore in a directory that only its owner can read. Each key is a file. Several
// processes of a host may use it at the same time. The file system must support hard links.
//
// A key is created under a temporary name, synced, and linked to its name, so that a file is
// complete or not there. Destroy first stores that the key is destroyed; from then on no
// process returns it. Then it overwrites the file with zeros, syncs and removes it. On a disk
// that writes elsewhere, such as an SSD, or on a file system that copies on write or keeps
// snapshots, the old bytes may stay until they are overwritten: encrypt such a disk. Nor does
// Destroy reach backups of the directory.
type Dir struct {
	path   string // absolute, since the process may change its working directory
	root   *os.Root
	secret []byte // of the names of files
	now    func() time.Time
	crash  func(step string) error // of tests: fails after a step of Destroy
}

var _ KeyStore = (*Dir)(nil)

// ErrInsecure means that other users have access to a key store.
var ErrInsecure = errors.New("erasure: other users have access to the key store")

// The names of files in the directory.
const (
	storeFile       = "store.json"
	keySuffix       = ".key"
	erasedSuffix    = ".erased"
	temporaryPrefix = ".new-"
)

// storeJSON is the content of storeFile.
type storeJSON struct {
	Version int `json:"version"`
	// NameSecret is the secret of the IDs of keys, so that they say nothing about subjects.
	NameSecret []byte `json:"name_secret"`
}

// keyJSON is the content of the file of a key.
type keyJSON struct {
	Created time.Time `json:"created"`
	Secret  []byte    `json:"secret"`
	Subject Subject   `json:"subject"`
}

// erasedJSON is the content of the file that stays of a key.
type erasedJSON struct {
	Erased  time.Time `json:"erased"`
	Subject Subject   `json:"subject"`
}

// OpenDir opens the key store in a directory. If it does not exist, the error matches
// fs.ErrNotExist. If others than its owner have access, the error matches ErrInsecure.
func OpenDir(path string) (*Dir, error) {
	d, err := openDir(path)
	if err != nil {
		return nil, err
	}
	if err := d.readStore(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// CreateDir is OpenDir, but creates the directory, for its owner only, if it does not exist.
// Its parent must exist.
func CreateDir(path string) (*Dir, error) {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("erasure: %w", err)
	}
	d, err := openDir(path)
	if err != nil {
		return nil, err
	}
	if err := d.createStore(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func openDir(path string) (*Dir, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("erasure: %w", err)
	}
	root, err := os.OpenRoot(absolute)
	if err != nil {
		return nil, fmt.Errorf("erasure: %w", err)
	}
	d := &Dir{path: absolute, root: root, now: time.Now, crash: func(string) error { return nil }}
	info, err := root.Stat(".")
	if err == nil && files.IsShared(info) {
		err = fmt.Errorf("%w: %s has mode %04o; run chmod 700, and consider its keys as known", ErrInsecure, absolute, info.Mode().Perm())
	}
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return d, nil
}

// createStore makes the directory a key store, unless it is one.
func (d *Dir) createStore() error {
	err := d.readStore()
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// Also of a directory that exists: who created it may have stopped before that.
	if err := files.SyncName(d.path); err != nil {
		return fmt.Errorf("erasure: %w", err)
	}
	secret := make([]byte, sha256.Size)
	_, _ = rand.Read(secret) // it never fails
	err = d.put(storeFile, storeJSON{Version: 1, NameSecret: secret})
	if err != nil && !errors.Is(err, fs.ErrExist) { // another process may have made it
		return d.locate(storeFile, err)
	}
	return d.readStore()
}

func (d *Dir) readStore() error {
	var stored storeJSON
	if err := d.read(storeFile, &stored); err != nil {
		return err
	}
	if stored.Version != 1 || len(stored.NameSecret) != sha256.Size {
		return d.locate(storeFile, errDamaged)
	}
	d.secret = stored.NameSecret
	return nil
}

// Path returns the absolute path of the directory.
func (d *Dir) Path() string { return d.path }

// Close releases the directory. Its methods must not be used afterwards.
func (d *Dir) Close() error { return d.root.Close() }

// idOf returns the ID of the key of a subject.
func (d *Dir) idOf(s Subject) KeyID { return NewKeyID(d.secret, s) }

// file returns the name of a file of a key: ab/abcdef….key.
func file(id KeyID, suffix string) string {
	name := hex.EncodeToString(id[:])
	return name[:2] + "/" + name + suffix
}

// Key returns the key of a subject, as KeyStore describes.
func (d *Dir) Key(ctx context.Context, s Subject) (*Key, error) {
	k, err := d.Existing(ctx, s)
	if !errors.Is(err, ErrNoKey) {
		return k, err
	}
	id := d.idOf(s)
	dir := path.Dir(file(id, keySuffix))
	if err := d.root.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, d.locate(dir, err)
	}
	if err := d.sync("."); err != nil {
		return nil, d.locate(dir, err)
	}
	created := keyJSON{Created: d.now().UTC(), Secret: NewSecret(), Subject: s}
	if err := d.put(file(id, keySuffix), created); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, d.locate(file(id, keySuffix), err)
	}
	return d.Find(ctx, id) // which may be that of another process, or destroyed by now
}

// Existing returns the key of a subject, as KeyStore describes.
func (d *Dir) Existing(ctx context.Context, s Subject) (*Key, error) {
	if !s.Valid() {
		return nil, errSubject
	}
	k, err := d.Find(ctx, d.idOf(s))
	if err == nil && k.subject != s {
		return nil, d.locate(file(k.id, keySuffix), errDamaged)
	}
	return k, err
}

// Find returns the key with an ID, as KeyStore describes.
func (d *Dir) Find(ctx context.Context, id KeyID) (*Key, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("erasure: %w", err)
	}
	var stored keyJSON
	errKey := d.read(file(id, keySuffix), &stored)
	// In this order: a key that is destroyed meanwhile is not returned.
	var erased erasedJSON
	switch err := d.read(file(id, erasedSuffix), &erased); {
	case err == nil:
		return nil, &ErasedError{ID: id, Time: erased.Erased}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	case errors.Is(errKey, fs.ErrNotExist):
		return nil, ErrNoKey
	case errKey != nil:
		return nil, errKey
	}
	k, err := NewKey(id, stored.Subject, stored.Secret)
	if err != nil || d.idOf(stored.Subject) != id {
		return nil, d.locate(file(id, keySuffix), errDamaged)
	}
	return k, nil
}

// Destroy destroys the key of a subject, as KeyStore describes.
func (d *Dir) Destroy(ctx context.Context, s Subject) error {
	_, err := d.Existing(ctx, s)
	_, erased := errors.AsType[*ErasedError](err)
	if err != nil && !erased && !errors.Is(err, errDamaged) {
		return err
	}
	id := d.idOf(s)
	if !erased {
		err := d.put(file(id, erasedSuffix), erasedJSON{Erased: d.now().UTC(), Subject: s})
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return d.locate(file(id, erasedSuffix), err)
		}
	}
	if err := d.sync(path.Dir(file(id, keySuffix))); err != nil { // also what was killed before it could
		return d.locate(file(id, erasedSuffix), err)
	}
	if err := d.crash("erased"); err != nil {
		return err
	}
	return d.locate(file(id, keySuffix), d.shred(file(id, keySuffix)))
}

// shred overwrites a file with zeros and removes it.
func (d *Dir) shred(name string) error {
	f, err := d.root.OpenFile(name, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return d.sync(path.Dir(name))
	}
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		_, err = f.WriteAt(make([]byte, info.Size()), 0)
	}
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := d.crash("overwritten"); err != nil {
		return err
	}
	if err := d.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return d.sync(path.Dir(name))
}

var errDamaged = errors.New("the file is damaged; restore it from a backup of the key store, or call Destroy for its subject")

// read reads a file, whose mode must be that of the owner only.
func (d *Dir) read(name string, to any) error {
	info, err := d.root.Stat(name)
	if err != nil {
		return d.locate(name, err)
	}
	if files.IsShared(info) {
		return d.locate(name, fmt.Errorf("%w: its mode is %04o; run chmod 600", ErrInsecure, info.Mode().Perm()))
	}
	content, err := d.root.ReadFile(name)
	if err != nil {
		return d.locate(name, err)
	}
	line, sum, _ := bytes.Cut(content, []byte("\n"))
	if string(sum) != checksum(line) { // with another secret, values could be neither read nor erased
		return d.locate(name, errDamaged)
	}
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if decoder.Decode(to) != nil { // its error may quote the file
		return d.locate(name, errDamaged)
	}
	return nil
}

// checksum returns the second line of a file, whose first one is JSON.
func checksum(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:]) + "\n"
}

// put creates a file. If it exists, the error matches fs.ErrExist.
func (d *Dir) put(name string, content any) error {
	encoded, err := json.Marshal(content)
	if err != nil {
		return err
	}
	dir := path.Dir(name)
	temporary := path.Join(dir, temporaryPrefix+strings.ToLower(rand.Text()))
	f, err := d.root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s\n%s", encoded, checksum(encoded))
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = d.root.Link(temporary, name) // fails if it exists
	}
	if err := errors.Join(err, d.root.Remove(temporary)); err != nil {
		return err
	}
	return d.sync(dir)
}

func (d *Dir) sync(dir string) error { return files.SyncIn(d.root, dir) }

// locate adds the path of a file to an error. It accepts nil.
func (d *Dir) locate(name string, err error) error {
	if err == nil {
		return nil
	}
	for { // the system's errors repeat the operation and the path in the directory
		if inner, ok := err.(*fs.PathError); ok { //nolint:errorlint // only the outermost error is replaced
			err = inner.Err
		} else if inner, ok := err.(*os.LinkError); ok { //nolint:errorlint // the same
			err = inner.Err
		} else {
			break
		}
	}
	return fmt.Errorf("erasure: %s: %w", filepath.Join(d.path, filepath.FromSlash(name)), err)
}
