package witness

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

var epoch = time.Unix(1, 0)

// killedDir names the variable with the directory of a witness that a test will kill.
const killedDir = "OPENDEED_TEST_WITNESS"

// serveUntilKilled runs a witness, and prints its address.
func serveUntilKilled(dir string) {
	fail := func(err error) {
		fmt.Println(err)
		os.Exit(1)
	}
	public, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil {
		fail(err)
	}
	v, err := note.NewVerifier(string(public))
	if err != nil {
		fail(err)
	}
	key, err := LoadKey(filepath.Join(dir, "key"))
	if err != nil {
		fail(err)
	}
	w, err := Open(filepath.Join(dir, "state"), key, []note.Verifier{v})
	if err != nil {
		fail(err)
	}
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		fail(err)
	}
	fmt.Println(l.Addr())
	server := &http.Server{Handler: w, ReadHeaderTimeout: time.Minute}
	fail(server.Serve(l))
}

// victim is a process that runs a witness.
type victim struct {
	cmd *exec.Cmd
	url string
}

func startVictim(t *testing.T, dir string) *victim {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), killedDir+"="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return &victim{cmd, "http://" + strings.TrimSpace(line) + addCheckpoint}
}

// signings are the checkpoints that a witness has cosigned.
type signings struct {
	mu  sync.Mutex
	all map[*history][]int64
}

// ask offers a history to a witness until it is gone, or the history ends.
func (s *signings) ask(client *http.Client, url string, h *history) {
	size := int64(0)
	for {
		next := size + 1 + rand.Int64N(4)
		if next > h.size || size > h.size {
			return
		}
		resp, err := client.Post(url, "", bytes.NewReader(h.request(size, next)))
		if err != nil {
			return
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		switch {
		case err != nil:
			return
		case resp.StatusCode == http.StatusOK:
			s.mu.Lock()
			s.all[h] = append(s.all[h], next)
			s.mu.Unlock()
			size = next
		case resp.StatusCode == http.StatusConflict:
			known, err := strconv.ParseInt(strings.TrimSpace(string(body)), 10, 64)
			if err != nil || known == size {
				return
			}
			size = known
		case resp.StatusCode == http.StatusUnprocessableEntity:
			return // it has cosigned the other history
		}
	}
}

// TestKilledAtRandom offers two histories of one log at once to a witness that is killed again and
// again: it cosigns only one of them above what both have in common.
func TestKilledAtRandom(t *testing.T) {
	t.Parallel()
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	dir := t.TempDir()
	_, err := CreateKey(filepath.Join(dir, "key"), "witness.example.org")
	require.NoError(t, err)
	h := newHistory(t, "log.example.com")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "log"), []byte(h.public), 0o600))
	const common = 5
	h.grow(common, "leaf")
	other := h.fork()
	h.grow(4000, "leaf")
	other.grow(4000, "other")
	client := &http.Client{}
	defer client.CloseIdleConnections()
	s := &signings{all: map[*history][]int64{}}
	for range rounds {
		v := startVictim(t, dir)
		var group sync.WaitGroup
		for range 2 {
			group.Go(func() { s.ask(client, v.url, h) })
			group.Go(func() { s.ask(client, v.url, other) })
		}
		timer := time.AfterFunc(time.Duration(rand.IntN(60_000))*time.Microsecond, func() { _ = v.cmd.Process.Kill() })
		group.Wait()
		timer.Stop()
		_ = v.cmd.Process.Kill()
		_ = v.cmd.Wait()
	}
	forked := map[*history]int64{}
	for each, sizes := range s.all {
		for _, size := range sizes {
			forked[each] = max(forked[each], size)
		}
	}
	require.False(t, forked[h] > common && forked[other] > common, "it has cosigned both: %v", forked)
	require.Greater(t, max(forked[h], forked[other]), int64(common))
}
