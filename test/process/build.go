package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
)

var built = struct {
	sync.Mutex
	programs map[string]func() (string, error)
}{programs: map[string]func() (string, error){}}

// Build builds the server of that name in test/servers, once for each process, and
// returns the path of the program. The go command does nothing when it is there. It may
// be called concurrently.
func Build(name string) (program string, err error) {
	built.Lock()
	once, known := built.programs[name]
	if !known {
		once = sync.OnceValues(func() (string, error) { return build(name) })
		built.programs[name] = once
	}
	built.Unlock()
	return once()
}

func build(name string) (string, error) {
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		return "", errors.New("where the sources are is unknown")
	}
	root := filepath.Join(filepath.Dir(file), "..", "..")
	program := filepath.Join(root, "bin", name)
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	cmd := exec.CommandContext(context.Background(), "go", "build", "-o", program, ".")
	cmd.Dir = filepath.Join(root, "test", "servers", name)
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the server: %w\n%s", err, out)
	}
	return program, nil
}
