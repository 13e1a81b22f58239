// Package storetest holds the conformance suite for implementations of archive.Store.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) archive.Store {
//			// Return an empty store.
//		})
//	}
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/opendeed/audit/archive"
)

// Run tests an archive.Store. For each call, newStore returns an empty one.
func Run(t *testing.T, newStore func(t *testing.T) archive.Store) {
	t.Helper()
	t.Run("put and read", func(t *testing.T) { testPut(t, newStore(t)) })
	t.Run("put if absent", func(t *testing.T) { testPutIfAbsent(t, newStore(t)) })
	t.Run("put concurrently", func(t *testing.T) { testPutConcurrently(t, newStore(t)) })
	t.Run("short content", func(t *testing.T) { testShort(t, newStore(t)) })
	t.Run("list", func(t *testing.T) { testList(t, newStore(t)) })
	t.Run("delete", func(t *testing.T) { testDelete(t, newStore(t)) })
	t.Run("names", func(t *testing.T) { testNames(t, newStore(t)) })
	t.Run("canceled", func(t *testing.T) { testCanceled(t, newStore(t)) })
}

func put(t *testing.T, s archive.Store, name string, content []byte) {
	t.Helper()
	if err := s.Put(t.Context(), name, bytes.NewReader(content), int64(len(content))); err != nil {
		t.Fatal(err)
	}
}

// read reads a whole object.
func read(t *testing.T, s archive.Store, name string, size int) []byte {
	t.Helper()
	b := make([]byte, size)
	if n, err := s.ReadAt(t.Context(), name, b, 0); n != size || err != nil && !errors.Is(err, io.EOF) {
		t.Fatalf("read %d of %d bytes of %s: %v", n, size, name, err)
	}
	return b
}

func testPut(t *testing.T, s archive.Store) {
	t.Helper()
	content := bytes.Repeat([]byte("0123456789abcdef"), 70_000)
	content[len(content)-1] = 'x'
	put(t, s, "log/class/object.jsonl.zst", content)
	put(t, s, "empty", nil)
	if !bytes.Equal(read(t, s, "log/class/object.jsonl.zst", len(content)), content) {
		t.Error("the content is another one")
	}
	size := int64(len(content))
	for _, tt := range []struct {
		offset int64
		length int
		want   int
	}{{0, 1, 1}, {16, 16, 16}, {size - 1, 1, 1}, {size - 3, 10, 3}, {size, 1, 0}, {size + 5, 1, 0}, {7, 0, 0}} {
		b := make([]byte, tt.length)
		n, err := s.ReadAt(t.Context(), "log/class/object.jsonl.zst", b, tt.offset)
		switch {
		case n != tt.want, n < tt.length && !errors.Is(err, io.EOF), n == tt.length && err != nil && !errors.Is(err, io.EOF):
			t.Errorf("%d bytes at %d: got %d, %v", tt.length, tt.offset, n, err)
		case !bytes.Equal(b[:n], content[min(tt.offset, size):][:n]):
			t.Errorf("%d bytes at %d are others", tt.length, tt.offset)
		}
	}
	if n, err := s.ReadAt(t.Context(), "empty", make([]byte, 1), 0); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("an empty object: got %d, %v", n, err)
	}
	if _, err := s.ReadAt(t.Context(), "absent", make([]byte, 1), 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing object: got %v", err)
	}
}

func testPutIfAbsent(t *testing.T, s archive.Store) {
	t.Helper()
	put(t, s, "a/b", []byte("first"))
	if err := s.Put(t.Context(), "a/b", bytes.NewReader([]byte("again")), 5); !errors.Is(err, fs.ErrExist) {
		t.Errorf("an existing name: got %v", err)
	}
	if got := read(t, s, "a/b", 5); string(got) != "first" {
		t.Errorf("the object was replaced by %q", got)
	}
}

// testPutConcurrently stores objects with one name at the same time.
func testPutConcurrently(t *testing.T, s archive.Store) {
	t.Helper()
	const writers = 8
	var stored atomic.Int32
	var group sync.WaitGroup
	contents := make([][]byte, writers)
	for i := range writers {
		contents[i] = bytes.Repeat([]byte{byte('a' + i)}, 100_000)
		group.Go(func() {
			err := s.Put(context.WithoutCancel(t.Context()), "a/b", bytes.NewReader(contents[i]), 100_000)
			if err == nil {
				stored.Add(1)
			} else if !errors.Is(err, fs.ErrExist) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := stored.Load(); n != 1 {
		t.Errorf("%d writers have stored the object", n)
	}
	got := read(t, s, "a/b", 100_000)
	if !slices.ContainsFunc(contents, func(c []byte) bool { return bytes.Equal(c, got) }) {
		t.Error("the object is a mixture")
	}
}

func testShort(t *testing.T, s archive.Store) {
	t.Helper()
	if err := s.Put(t.Context(), "a/b", bytes.NewReader([]byte("short")), 6); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("content that ends early: got %v", err)
	}
	equal(t, list(t, s, ""), nil)
	put(t, s, "a/b", []byte("whole"))
}

func testList(t *testing.T, s archive.Store) {
	t.Helper()
	names := []string{"a", "b-c/d", "b.c", "b/c", "b/c-d/e", "b/c/d", "b0", "c/1", "c/2"}
	var want []string
	for i, name := range names {
		if name == "b/c" || name == "b" {
			continue // no store has to have an object and others below it
		}
		put(t, s, name, make([]byte, i))
		want = append(want, fmt.Sprintf("%s %d", name, i))
	}
	equal(t, list(t, s, ""), want)
	for _, prefix := range []string{"a", "b", "b/", "b-", "b/c", "b/c-d/", "c/1", "c/12", "x", "b/c/d"} {
		var some []string
		for _, w := range want {
			if len(w) >= len(prefix) && w[:len(prefix)] == prefix {
				some = append(some, w)
			}
		}
		equal(t, list(t, s, prefix), some)
	}
	for _, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Error(err)
		}
		break // the Store must stop
	}
	var group sync.WaitGroup
	for first := range 10 {
		group.Go(func() {
			for i := first; i < 1100; i += 10 { // more than one page of S3
				if err := s.Put(t.Context(), fmt.Sprintf("many/%04d", i), bytes.NewReader(nil), 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if n := len(list(t, s, "many/")); n != 1100 {
		t.Errorf("listed %d of 1100 objects", n)
	}
}

func testDelete(t *testing.T, s archive.Store) {
	t.Helper()
	put(t, s, "a/b", []byte("1"))
	put(t, s, "a/c", []byte("2"))
	for range 2 {
		if err := s.Delete(t.Context(), "a/b"); err != nil {
			t.Error(err)
		}
	}
	equal(t, list(t, s, ""), []string{"a/c 1"})
	if _, err := s.ReadAt(t.Context(), "a/b", make([]byte, 1), 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a deleted object: got %v", err)
	}
	put(t, s, "a/b", []byte("3"))
	if got := read(t, s, "a/b", 1); string(got) != "3" {
		t.Errorf("after a deletion: got %q", got)
	}
}

func testNames(t *testing.T, s archive.Store) {
	t.Helper()
	for _, name := range []string{"", "/", "/a", "a/", "a//b", "..", "../a", "a/../b", ".a", "a/.b", "A", "a b", "ä", `a\b`, "a\x00", "a:b"} {
		if err := s.Put(t.Context(), name, bytes.NewReader(nil), 0); err == nil {
			t.Errorf("Put accepts the name %q", name)
		}
		if _, err := s.ReadAt(t.Context(), name, make([]byte, 1), 0); err == nil {
			t.Errorf("ReadAt accepts the name %q", name)
		}
		if err := s.Delete(t.Context(), name); err == nil {
			t.Errorf("Delete accepts the name %q", name)
		}
	}
	equal(t, list(t, s, ""), nil)
}

func testCanceled(t *testing.T, s archive.Store) {
	t.Helper()
	put(t, s, "a", []byte("1"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Put(ctx, "b", bytes.NewReader([]byte("2")), 1); !errors.Is(err, context.Canceled) {
		t.Errorf("Put: got %v", err)
	}
	if _, err := s.ReadAt(ctx, "a", make([]byte, 1), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("ReadAt: got %v", err)
	}
	if err := s.Delete(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("Delete: got %v", err)
	}
	var last error
	for _, err := range s.List(ctx, "") {
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("List: got %v", last)
	}
	equal(t, list(t, s, ""), []string{"a 1"})
}

// list returns the names and sizes of the objects.
func list(t *testing.T, s archive.Store, prefix string) []string {
	t.Helper()
	var objects []string
	for o, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, fmt.Sprintf("%s %d", o.Name, o.Size))
	}
	return objects
}

func equal(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
