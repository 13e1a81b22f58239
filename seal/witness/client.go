package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/opendeed/audit/seal"
	"golang.org/x/mod/sumdb/note"
)

// DefaultTimeout is how long a witness may take to answer, by default.
const DefaultTimeout = 10 * time.Second

// grace is how long a Client waits for the other witnesses once enough have cosigned.
const grace = time.Second

// maxAnswer limits the size of an answer, in bytes.
const maxAnswer = 64 << 10

// Client asks the witnesses of a policy to cosign checkpoints. It implements seal.Witnesses, and is
// safe for concurrent use by several Sealers.
type Client struct {
	policy *Policy
	http   *http.Client

	mu    sync.Mutex
	sizes map[known]int64
}

// known is what a Client remembers: how large the tree was that a witness has cosigned last.
type known struct{ url, origin string }

// ClientOption configures a Client.
type ClientOption func(*Client)

// WithHTTPClient sends requests with c, such as through a proxy. By default each request has
// DefaultTimeout, and redirects are not followed.
func WithHTTPClient(c *http.Client) ClientOption { return func(client *Client) { client.http = c } }

// NewClient returns a Client for the witnesses of a policy that have a URL.
func NewClient(p *Policy, opts ...ClientOption) *Client {
	c := &Client{policy: p, sizes: map[known]int64{}, http: &http.Client{
		Timeout:       DefaultTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	for _, opt := range opts {
		opt(c)
	}
	return c
}

// Cosign asks all witnesses at once, and returns the checkpoint with their cosignatures, in the
// order of the policy. Once enough have cosigned, it waits a second for the others. It calls prove
// for the proof that the checkpoint continues the tree of an older size.
//
// If too few have cosigned, the error wraps a *QuorumError. If a witness has cosigned another
// history, the error matches seal.ErrFork or seal.ErrRollback. The error is also about witnesses
// that failed although enough others have cosigned.
func (c *Client) Cosign(ctx context.Context, checkpoint seal.Checkpoint, prove func(older int64) ([]seal.Hash, error)) ([]byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		at   int
		line []byte
		err  error
	}
	lines, errs := make([][]byte, len(c.policy.witnesses)), make([]error, len(c.policy.witnesses))
	results := make(chan result, len(lines))
	asked := 0
	for i, w := range c.policy.witnesses {
		if w.url == "" {
			continue
		}
		asked++
		go func() {
			line, err := c.ask(ctx, w, checkpoint, prove)
			if err != nil {
				err = fmt.Errorf("witness: %s: %w", w.verifier.name, err)
			}
			results <- result{i, line, err}
		}()
	}
	signed := checkpoint.Note
	var late *time.Timer
	for range asked {
		r := <-results
		lines[r.at], errs[r.at] = r.line, r.err
		signed = bytes.Join(append([][]byte{checkpoint.Note}, lines...), nil)
		if late == nil && c.policy.Check(signed) == nil { // the others are asked again next time
			late = time.AfterFunc(grace, cancel)
		}
	}
	if late != nil {
		late.Stop()
	}
	return signed, errors.Join(errors.Join(errs...), c.policy.Check(signed))
}

// Check returns an error if the cosignatures of a checkpoint are too few, see [Policy.Check].
func (c *Client) Check(checkpoint []byte) error { return c.policy.Check(checkpoint) }

// ask asks a witness. If it knows a tree of another size than we think, it says so, and is asked
// again.
func (c *Client) ask(ctx context.Context, w policyWitness, checkpoint seal.Checkpoint, prove func(older int64) ([]seal.Hash, error)) ([]byte, error) {
	key := known{w.url, checkpoint.Origin}
	c.mu.Lock()
	size := c.sizes[key]
	c.mu.Unlock()
	for range 3 {
		req := request{old: size, checkpoint: checkpoint.Note}
		switch {
		case size > checkpoint.Size:
			c.forget(key) // it may have been wrong
			return nil, fmt.Errorf("it has cosigned %d leaves, and the ledger has %d: %w", size, checkpoint.Size, seal.ErrRollback)
		case size > 0 && size < checkpoint.Size:
			var err error
			if req.proof, err = prove(size); err != nil {
				return nil, err
			}
		}
		status, body, err := c.post(ctx, w.url+addCheckpoint, req.encode())
		switch {
		case err != nil:
			return nil, err
		case status == http.StatusOK:
			line, err := ownLine(checkpoint.Note, body, w.verifier)
			if err == nil {
				c.remember(key, checkpoint.Size)
			}
			return line, err
		case status == http.StatusUnprocessableEntity && size > 0:
			return nil, fmt.Errorf("it has cosigned another tree of %d leaves: %w", size, seal.ErrFork)
		case status != http.StatusConflict:
			return nil, fmt.Errorf("it answers with the status %d", status)
		}
		last, err := strconv.ParseInt(strings.TrimSuffix(string(body), "\n"), 10, 64)
		if err != nil || last < 0 {
			return nil, errors.New("it has a conflict and does not say which size it knows")
		}
		if last == size {
			return nil, fmt.Errorf("it has cosigned another tree of %d leaves: %w", size, seal.ErrFork)
		}
		c.remember(key, last)
		size = last
	}
	return nil, errors.New("it names another size each time")
}

func (c *Client) remember(key known, size int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sizes[key] = size
}

func (c *Client) forget(key known) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sizes, key)
}

func (c *Client) post(ctx context.Context, url string, body []byte) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return resp.StatusCode, answer, errors.Join(err, resp.Body.Close())
}

// ownLine returns the first cosignature of a witness in its answer.
func ownLine(checkpoint, answer []byte, v *verifier) ([]byte, error) {
	for line := range bytes.Lines(answer) {
		if !bytes.HasPrefix(line, []byte(linePrefix+v.name+" ")) || !bytes.HasSuffix(line, []byte("\n")) {
			continue
		}
		n, err := note.Open(slices.Concat(noteText(checkpoint), []byte("\n"), line), note.VerifierList(v))
		if err == nil && len(n.Sigs) == 1 {
			return line, nil
		}
	}
	return nil, errors.New("its answer has no cosignature by its key")
}
