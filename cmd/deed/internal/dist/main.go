// Dist builds the archives of a release: for each system a static binary with manual pages,
// completions, our license and those of what it links, an SBOM of each binary, and the checksums of
// all files. The same sources and the same Go give the same bytes.
//
//	go run ./cmd/deed/internal/dist -version v0.1.0 -out bin/dist
package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// targets are the systems for which there are binaries.
var targets = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"}

const (
	program = "github.com/opendeed/audit/cmd/deed"
	timeout = 30 * time.Minute
)

// modified is the time of the files in archives, since theirs differ in each build.
var modified = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func main() {
	version := flag.String("version", "v0.0.0-dev", "the version")
	out := flag.String("out", "bin/dist", "the directory to write, which is replaced")
	only := flag.String("only", "", "only this target, such as linux/amd64")
	flag.Parse()
	if err := run(*version, *out, *only); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

func run(version, out, only string) error {
	if only != "" && !slices.Contains(targets, only) {
		return fmt.Errorf("-only: %s is not a target; use one of %s", only, strings.Join(targets, ", "))
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	work, err := os.MkdirTemp("", "deed-dist")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()                                       // a temporary directory
	if err := errors.Join(os.RemoveAll(out), os.MkdirAll(out, 0o755)); err != nil { //nolint:gosec // for everybody
		return err
	}
	pages, err := extras(ctx, version, work)
	if err != nil {
		return err
	}
	for _, target := range targets {
		if only == "" || only == target {
			if err := release(ctx, version, target, work, out, pages); err != nil {
				return fmt.Errorf("%s: %w", target, err)
			}
		}
	}
	return checksums(out)
}

// release builds for a target, and writes its archive and its SBOM.
func release(ctx context.Context, version, target, work, out string, pages map[string][]byte) error {
	name := "deed"
	if strings.HasPrefix(target, "windows/") {
		name += ".exe"
	}
	binary := filepath.Join(work, strings.ReplaceAll(target, "/", "-"), name)
	if err := build(ctx, version, target, binary); err != nil {
		return err
	}
	return pack(ctx, version, target, binary, out, pages)
}

// pack writes the archive and the SBOM of a binary.
func pack(ctx context.Context, version, target, binary, out string, pages map[string][]byte) error {
	name := filepath.Base(binary)
	system, arch, _ := strings.Cut(target, "/")
	content, err := os.ReadFile(binary) //nolint:gosec // just built
	if err != nil {
		return err
	}
	base := "deed_" + strings.TrimPrefix(version, "v") + "_" + system + "_" + arch
	bom, err := sbom(binary, version)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, base+".sbom.json"), bom, 0o644); err != nil { //nolint:gosec // for everybody
		return err
	}
	files := map[string][]byte{name: content}
	maps.Copy(files, pages)
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	if files[noticesName], err = notices(ctx, info); err != nil {
		return err
	}
	archive, suffix := tarball, ".tar.gz"
	if system == "windows" {
		archive, suffix = zipped, ".zip"
	}
	data, err := archive(base, files, name)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, base+suffix), data, 0o644) //nolint:gosec // for everybody
}

func build(ctx context.Context, version, target, binary string) error {
	system, arch, _ := strings.Cut(target, "/")
	flags := "-s -w -buildid= -X " + program + "/internal/cli.Version=" + version
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", binary, program)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+arch)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, output)
	}
	return nil
}

// extras returns what each archive has beside the binary: manual pages, completions and the
// license.
func extras(ctx context.Context, version, work string) (map[string][]byte, error) {
	own := filepath.Join(work, "own", "deed")
	if err := build(ctx, version, runtime.GOOS+"/"+runtime.GOARCH, own); err != nil {
		return nil, err
	}
	man := filepath.Join(work, "man1")
	if output, err := exec.CommandContext(ctx, own, "man", "--dir", man).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, output)
	}
	files := map[string][]byte{}
	names, err := filepath.Glob(filepath.Join(man, "*.1"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if files["man/man1/"+filepath.Base(name)], err = os.ReadFile(name); err != nil { //nolint:gosec // just written
			return nil, err
		}
	}
	for shell, file := range map[string]string{"bash": "deed.bash", "zsh": "_deed", "fish": "deed.fish", "powershell": "deed.ps1"} {
		if files["completions/"+file], err = exec.CommandContext(ctx, own, "completion", shell).Output(); err != nil {
			return nil, err
		}
	}
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/opendeed/audit").Output()
	if err != nil {
		return nil, err
	}
	files["LICENSE"], err = os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "LICENSE"))
	return files, err
}

// tarball returns a compressed archive whose bytes depend on nothing but the files.
func tarball(base string, files map[string][]byte, program string) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, name := range sorted(files) {
		err := w.WriteHeader(&tar.Header{
			Name: base + "/" + name, Mode: int64(modeOf(name, program)), Size: int64(len(files[name])), ModTime: modified, Format: tar.FormatUSTAR,
		})
		if err == nil {
			_, err = w.Write(files[name])
		}
		if err != nil {
			return nil, err
		}
	}
	err := errors.Join(w.Close(), z.Close())
	return b.Bytes(), err
}

func zipped(base string, files map[string][]byte, program string) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range sorted(files) {
		h := &zip.FileHeader{Name: base + "/" + name, Method: zip.Deflate, Modified: modified}
		h.SetMode(modeOf(name, program))
		f, err := w.CreateHeader(h)
		if err == nil {
			_, err = f.Write(files[name])
		}
		if err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}

func modeOf(name, program string) fs.FileMode {
	if name == program {
		return 0o755
	}
	return 0o644
}

func sorted(files map[string][]byte) []string {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// checksums writes the SHA-256 of each file, as sha256sum -c reads it.
func checksums(out string) error {
	entries, err := os.ReadDir(out)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(out, e.Name())) //nolint:gosec // just written
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		fmt.Fprintf(&b, "%s  %s\n", hex.EncodeToString(sum[:]), e.Name())
	}
	return os.WriteFile(filepath.Join(out, "SHA256SUMS"), []byte(b.String()), 0o644) //nolint:gosec // for everybody
}
