package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

var built = struct {
	sync.Mutex
	programs map[string]func() (string, error)
}{programs: map[string]func() (string, error){}}

// Build builds the server test/servers/NAME and returns the path of the program. Only the first
// call of a process runs the go command, which reuses an up-to-date program. Build may be called
// concurrently.
func Build(name string) (program string, err error) {
	built.Lock()
	once, ok := built.programs[name]
	if !ok {
		once = sync.OnceValues(func() (string, error) { return build(name) })
		built.programs[name] = once
	}
	built.Unlock()
	return once()
}

func build(name string) (string, error) {
	ctx := context.Background()
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/opendeed/audit").Output()
	if err != nil {
		return "", fmt.Errorf("find the sources of %s: %w", name, err)
	}
	root := strings.TrimSpace(string(out))
	program := filepath.Join(root, "bin", name)
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", program, ".")
	cmd.Dir = filepath.Join(root, "test", "servers", name)
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	return program, nil
}

// BuildDeed builds the command deed into a directory and returns the path of the program.
func BuildDeed(ctx context.Context, dir string) (program string, err error) {
	program = filepath.Join(dir, "deed")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/opendeed/audit/cmd/deed").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build deed: %w\n%s", err, out)
	}
	return program, nil
}
