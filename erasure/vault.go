package erasure

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/panics"
	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// The defaults of a vault.
const (
	// DefaultCacheSize is how many keys a vault remembers.
	DefaultCacheSize = 10_000
	// DefaultRefresh is how often a vault asks the store for a key again, to learn that it
	// was destroyed.
	DefaultRefresh = time.Minute
	// DefaultWait is how long a record waits for a key store that does not answer.
	DefaultWait = 250 * time.Millisecond
	// DefaultRetry is how long a vault does not wait for a key store that has failed.
	DefaultRetry = time.Second
	// DefaultOpenKeys is how many keys a vault makes in an hour for what anybody can cause.
	DefaultOpenKeys = 1000
)

// The longest values, in bytes of JSON without quotes. A longer text is cut before it is
// encrypted, and marked; another value that is longer is masked, and marked as missing.
const (
	// MaxValue is the limit for values of metadata and changes, a reason and a failure.
	MaxValue = 4 << 10
	// MaxName is the limit for names, and for metadata that a client sent.
	MaxName = 512
)

// maxField is the length of the longest path of an erasable value, in bytes.
const maxField = 512

// Option configures a vault.
type Option func(*Vault)

// WithCacheSize sets how many keys are remembered, those that were used last. The default is
// DefaultCacheSize, which takes about four megabytes.
func WithCacheSize(n int) Option { return func(v *Vault) { v.size = n } }

// WithRefresh sets how old a key in the cache may be until the store is asked again, in the
// background. The default is DefaultRefresh. It must be positive.
func WithRefresh(d time.Duration) Option { return func(v *Vault) { v.refresh = d } }

// WithWait sets how long a record waits for a key that is not in the cache. The default is
// DefaultWait. Keep it far below the track timeout of the provider.
func WithWait(d time.Duration) Option { return func(v *Vault) { v.wait = d } }

// WithRetry sets how long records do not wait after the store has failed: their values are
// masked, unless their keys are in the cache. The default is DefaultRetry.
func WithRetry(d time.Duration) Option { return func(v *Vault) { v.retry = d } }

// WithOpenKeys sets how many keys a vault makes in an hour for subjects of which anybody can
// cause a record with any ID: in records of denials, and of anonymous or unresolved actors. Beyond
// that, the values of a subject without a key are masked in such records. The default is
// DefaultOpenKeys; 0 makes none.
func WithOpenKeys(n int) Option { return func(v *Vault) { v.open.limit = n } }

// WithLogger sets the logger for the errors of the store, one for each WithRetry. The default
// is slog.Default.
func WithLogger(l *slog.Logger) Option { return func(v *Vault) { v.logger = l } }

// Vault makes values erasable. It remembers keys, so that a record rarely waits for the key
// store. It is safe for concurrent use.
type Vault struct {
	store   KeyStore
	size    int
	refresh time.Duration
	wait    time.Duration
	retry   time.Duration
	logger  *slog.Logger
	open    budget
	cache   cache
}

// NewVault returns a vault with the keys of a store.
func NewVault(store KeyStore, opts ...Option) (*Vault, error) {
	if store == nil {
		return nil, errors.New("erasure: the key store is nil")
	}
	v := &Vault{
		store: store, size: DefaultCacheSize, refresh: DefaultRefresh, wait: DefaultWait, retry: DefaultRetry,
		logger: slog.Default(), open: budget{limit: DefaultOpenKeys},
	}
	for _, opt := range opts {
		opt(v)
	}
	if v.size <= 0 || v.refresh <= 0 || v.wait <= 0 || v.retry <= 0 || v.open.limit < 0 || v.logger == nil {
		return nil, errors.New("erasure: the options of a vault must be positive, and its logger not nil")
	}
	v.cache.init(v)
	return v, nil
}

// For returns a sealer for redact.Erasable: the values that it makes erasable belong to the
// subject that f returns.
func (v *Vault) For(f SubjectFunc) *Sealer { return &Sealer{vault: v, subject: f} }

// Sealer makes values erasable: see [redact.Sealer] of package sdk/redact.
type Sealer struct {
	vault   *Vault
	subject SubjectFunc
}

// Seal returns the text of an erasable value, or an empty text if the value must be masked: the
// subject is not known, or was erased, or the key store has failed, or WithOpenKeys allows no new
// key. In the last two cases it returns the mark mark.Missing. A text that is too long is cut
// first, and has the mark mark.Cut, without a hash. keep is true for the ID of the subject itself,
// which is not erasable.
func (s *Sealer) Seal(r *record.Record, field string, value attribute.Value) (text string, keep bool, m mark.Mark) {
	if r.ID.IsZero() || s.subject == nil {
		return "", false, mark.Mark{} // no record of an event
	}
	subject, ok := s.subject(r, field)
	if ok && subject == (Subject{}) {
		return "", true, mark.Mark{}
	}
	if len(field) > maxField || !isPlainField(field) {
		return "", false, mark.Mark{Kind: mark.Missing} // it would not be found again
	}
	if !ok || !subject.Valid() {
		return "", false, mark.Mark{}
	}
	json, cut, err := valueJSON(value, limitOf(r, field))
	if err != nil {
		return "", false, mark.Mark{Kind: mark.Missing}
	}
	k, err := s.vault.cache.get(wanted{subject, isOpen(r)})
	if _, erased := errors.AsType[*ErasedError](err); erased {
		return "", false, mark.Mark{}
	}
	if err != nil {
		return "", false, mark.Mark{Kind: mark.Missing}
	}
	if cut > 0 {
		m = mark.Mark{Kind: mark.Cut, Length: cut}
	}
	return seal(k, place{r.ID, field}, json).String(), false, m
}

// isPlainField reports whether the record has the keys of a field as they are: they are not
// escaped, and not cut.
func isPlainField(field string) bool {
	if !sanitize.Plain(field) || strings.Contains(field, `\`) {
		return false
	}
	for key := range strings.SplitSeq(field, ".") {
		if len(key) > record.MaxKeyLength {
			return false
		}
	}
	return true
}

// limitOf returns the length of the longest text of a field.
func limitOf(r *record.Record, field string) int {
	if strings.HasSuffix(field, ".name") && (strings.HasPrefix(field, "actor.") || strings.HasPrefix(field, "target.") || strings.HasPrefix(field, "covers[")) {
		return MaxName
	}
	for i := range r.Marks {
		if r.Marks[i].Kind == mark.Client && (field == r.Marks[i].Path || strings.HasPrefix(field, r.Marks[i].Path+".")) {
			return MaxName
		}
	}
	return MaxValue
}

// errUnavailable means that the key store did not answer in time, or has failed lately.
var errUnavailable = errors.New("erasure: the key store does not answer")

// isOpen reports whether anybody can cause such a record, with any ID.
func isOpen(r *record.Record) bool {
	return r.Actor.Type == audit.ActorAnonymous || r.Actor.Type == audit.ActorUnresolved || r.Outcome == audit.OutcomeDenied
}

// ask asks the store. It turns a panic into an error.
func (v *Vault) ask(ctx context.Context, w wanted) (k *Key, err error) {
	defer func() {
		if p := recover(); p != nil {
			k, err = nil, fmt.Errorf("erasure: key store: %w", panics.Error(p))
		}
	}()
	if w.open {
		k, err = v.store.Existing(ctx, w.subject)
	}
	if !w.open || errors.Is(err, ErrNoKey) && v.takeOpen() {
		k, err = v.store.Key(ctx, w.subject)
	}
	if err == nil && (k == nil || k.subject != w.subject) {
		return nil, errors.New("erasure: the key store returned the key of another subject")
	}
	return k, err
}
