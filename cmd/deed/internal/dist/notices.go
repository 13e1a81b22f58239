package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

// noticesName is the file of an archive with the licenses of what the binary links.
const noticesName = "THIRD_PARTY_LICENSES.txt"

// notices returns the licenses and notices of Go and of each module that a binary links, by what Go
// has recorded in it, and that is not ours: most licenses want them beside a binary. A text that several have comes once. A module
// without a license is an error.
func notices(ctx context.Context, info *debug.BuildInfo) ([]byte, error) {
	goroot, err := output(ctx, "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	found := licenses{}
	if err := found.add("Go "+strings.TrimPrefix(info.GoVersion, "go"), goroot[0], false); err != nil {
		return nil, err
	}
	modules := slices.DeleteFunc(slices.Clone(info.Deps), func(m *debug.Module) bool { return isOurs(m.Path) })
	if len(modules) == 0 {
		return found.text(), nil
	}
	args := []string{"list", "-m", "-f", "{{.Dir}}"}
	for _, m := range modules {
		args = append(args, m.Path)
	}
	dirs, err := output(ctx, args...)
	if err != nil {
		return nil, err
	}
	for i, m := range modules {
		if err := found.add(m.Path+" "+m.Version, dirs[i], true); err != nil {
			return nil, err
		}
	}
	return found.text(), nil
}

// output returns the lines that a go command prints.
func output(ctx context.Context, args ...string) ([]string, error) {
	text, err := exec.CommandContext(ctx, "go", args...).Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w", args[0], err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n"), nil
}

// licenses are texts, each with the names of the files that have it.
type licenses map[string][]string

// add adds the texts of a module: those in its directory and, if deep, below it, where some modules
// keep the license of what they have copied.
func (l licenses) add(module, dir string, deep bool) error {
	found := false
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != dir && (!deep || d.Name() == "testdata" || d.Name() == "vendor"):
			return fs.SkipDir
		case !d.Type().IsRegular() || !isNotice(d.Name()):
			return nil
		}
		text, err := os.ReadFile(path) //nolint:gosec // of the module cache
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		found = true
		l[string(bytes.TrimSpace(text))] = append(l[string(bytes.TrimSpace(text))], module+", "+filepath.ToSlash(name))
		return nil
	})
	if err == nil && !found {
		err = fmt.Errorf("%s has no license, so it cannot be linked", module)
	}
	return err
}

// isNotice reports whether a file has a license or a notice, by its name.
func isNotice(name string) bool {
	name = strings.ToLower(name)
	if suffix := filepath.Ext(name); suffix == ".go" || suffix == ".yml" || suffix == ".yaml" || suffix == ".json" {
		return false
	}
	return slices.ContainsFunc([]string{"licen", "copying", "notice", "patents"}, func(prefix string) bool {
		return strings.HasPrefix(name, prefix)
	})
}

func (l licenses) text() []byte {
	var b bytes.Buffer
	b.WriteString("This program contains software of others, under these licenses.\n")
	sections := slices.SortedFunc(maps.Keys(l), func(x, y string) int { return strings.Compare(l[x][0], l[y][0]) })
	for _, text := range sections {
		b.WriteString("\n" + strings.Repeat("=", 78) + "\n")
		for _, name := range l[text] {
			b.WriteString(name + "\n")
		}
		b.WriteString("\n" + text + "\n")
	}
	return b.Bytes()
}
