package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/opendeed/audit/seal"
)

// remote is a note.Signer whose key another process holds.
type remote struct {
	client *http.Client
	name   string
	hash   uint32
}

// dial returns the key that the process at a socket holds.
func dial(ctx context.Context, dir string) (*seal.Key, error) {
	r := &remote{client: clientOf(dir)}
	public, err := r.call(ctx, http.MethodGet, "public", nil)
	if err != nil {
		return nil, err
	}
	verifier, err := seal.ParsePublicKey(string(public))
	if err != nil {
		return nil, err
	}
	r.name, r.hash = verifier.Name(), verifier.KeyHash()
	return seal.NewKey(r, string(public))
}

// clientOf returns a client of the socket in a directory.
func clientOf(dir string) *http.Client {
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, "unix", filepath.Join(dir, socketName))
		},
	}}
}

// Name returns the name of the key.
func (r *remote) Name() string { return r.name }

// KeyHash returns the hash of the key.
func (r *remote) KeyHash() uint32 { return r.hash }

// Sign asks for the signature of a text. An error is no harm: the Sealer tries again.
func (r *remote) Sign(text []byte) ([]byte, error) {
	return r.call(context.Background(), http.MethodPost, "sign", text)
}

func (r *remote) call(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://signer/"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the process with the key: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxText))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("the process with the key answers: %s", bytes.TrimSpace(answer))
	}
	return answer, err
}
