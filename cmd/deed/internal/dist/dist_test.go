package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPack packs a small program as if it were that of two systems.
func TestPack(t *testing.T) {
	t.Parallel()
	work, out := t.TempDir(), t.TempDir()
	self, source := filepath.Join(work, "small"), filepath.Join(work, "main.go")
	require.NoError(t, os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600))
	output, err := exec.CommandContext(t.Context(), "go", "build", "-ldflags", "-s -w", "-o", self, source).CombinedOutput()
	require.NoError(t, err, "%s", output)
	program, err := os.ReadFile(self)
	require.NoError(t, err)
	pages := map[string][]byte{"man/man1/deed.1": []byte("page"), "completions/_deed": []byte("complete"), "LICENSE": []byte("license")}
	for target, name := range map[string]string{"linux/arm64": "deed", "windows/amd64": "deed.exe"} {
		binary := filepath.Join(work, name)
		require.NoError(t, os.Link(self, binary))
		require.NoError(t, pack(t.Context(), "v1.2.3", target, binary, out, pages))
	}
	require.NoError(t, checksums(out))

	modes := func(base, name string) map[string]os.FileMode {
		return map[string]os.FileMode{
			base + "/LICENSE": 0o644, base + "/THIRD_PARTY_LICENSES.txt": 0o644, base + "/completions/_deed": 0o644, base + "/man/man1/deed.1": 0o644, base + "/" + name: 0o755,
		}
	}
	thirdParty, err := notices(t.Context(), &debug.BuildInfo{GoVersion: runtime.Version()})
	require.NoError(t, err)
	contents := map[string][]byte{"THIRD_PARTY_LICENSES.txt": thirdParty, "LICENSE": []byte("license"), "_deed": []byte("complete"), "deed.1": []byte("page"), "deed": program, "deed.exe": program}
	z, err := zip.OpenReader(filepath.Join(out, "deed_1.2.3_windows_amd64.zip"))
	require.NoError(t, err)
	defer func() { require.NoError(t, z.Close()) }()
	found := map[string]os.FileMode{}
	for _, f := range z.File {
		found[f.Name] = f.Mode()
		assert.True(t, f.Modified.Equal(modified), f.Name)
		r, err := f.Open()
		require.NoError(t, err)
		b, err := io.ReadAll(r)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(contents[filepath.Base(f.Name)], b), f.Name)
	}
	assert.Equal(t, modes("deed_1.2.3_windows_amd64", "deed.exe"), found)

	tarred, err := os.ReadFile(filepath.Join(out, "deed_1.2.3_linux_arm64.tar.gz"))
	require.NoError(t, err)
	unzipped, err := gzip.NewReader(bytes.NewReader(tarred))
	require.NoError(t, err)
	found = map[string]os.FileMode{}
	for r := tar.NewReader(unzipped); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		found[h.Name] = h.FileInfo().Mode()
		b, err := io.ReadAll(r)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(contents[filepath.Base(h.Name)], b), h.Name)
		assert.True(t, h.ModTime.Equal(modified), h.Name)
	}
	assert.Equal(t, modes("deed_1.2.3_linux_arm64", "deed"), found)

	sums, err := os.ReadFile(filepath.Join(out, "SHA256SUMS"))
	require.NoError(t, err)
	assert.Equal(t, 4, strings.Count(string(sums), "\n"))
	sum := sha256.Sum256(tarred)
	assert.Contains(t, string(sums), hex.EncodeToString(sum[:])+"  deed_1.2.3_linux_arm64.tar.gz\n")
	checkBill(t, filepath.Join(out, "deed_1.2.3_linux_arm64.sbom.json"), program)
}

// checkBill: the SBOM names the program by its hash, and the standard library that it links.
func checkBill(t *testing.T, path string, program []byte) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var b bill
	require.NoError(t, json.Unmarshal(text, &b))
	digest := sha256.Sum256(program)
	assert.Equal(t, component{
		Type: "application", Name: "deed", Version: "v1.2.3", PURL: "pkg:golang/github.com/opendeed/audit/cmd/deed@v1.2.3",
		Hashes: []sum{{"SHA-256", hex.EncodeToString(digest[:])}},
	}, b.Metadata.Component)
	version := runtime.Version()
	assert.Equal(t, []component{{Type: "library", Name: "stdlib", Version: version, PURL: "pkg:golang/stdlib@" + strings.TrimPrefix(version, "go")}}, b.Components)
}

// TestComponents: a module of this repository has the version of the release, and a replaced one
// is that which replaces it.
func TestComponents(t *testing.T) {
	t.Parallel()
	zeros := strings.Repeat("00", sha256.Size)
	for want, m := range map[string]debug.Module{
		"pkg:golang/github.com/opendeed/audit/config@v1.2.3": {Path: "github.com/opendeed/audit/config", Version: "(devel)"},
		"pkg:golang/example.com/a@v0.4.0":                    {Path: "example.com/a", Version: "v0.4.0", Sum: "h1:" + strings.Repeat("A", 43) + "="},
		"pkg:golang/example.com/fork@v0.5.0":                 {Path: "example.com/b", Version: "v0.4.0", Replace: &debug.Module{Path: "example.com/fork", Version: "v0.5.0"}},
		"pkg:golang/example.com/c@unknown":                   {Path: "example.com/c"},
	} {
		c := componentOf(&m, "v1.2.3")
		assert.Equal(t, want, c.PURL)
		assert.Equal(t, want, "pkg:golang/"+c.Name+"@"+c.Version)
		if m.Sum != "" {
			assert.Equal(t, []sum{{"SHA-256", zeros}}, c.Hashes)
		}
	}
}

// TestSameBytes: the same files make the same archives.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	files := map[string][]byte{"b": []byte("2"), "deed": []byte("1"), "a": bytes.Repeat([]byte("3"), 1000)}
	for name, archive := range map[string]func(string, map[string][]byte, string) ([]byte, error){"tar": tarball, "zip": zipped} {
		first, err := archive("base", files, "deed")
		require.NoError(t, err)
		second, err := archive("base", files, "deed")
		require.NoError(t, err)
		assert.Equal(t, first, second, name)
	}
}

// TestUnknownTarget: a target that does not exist is an error before anything is removed.
func TestUnknownTarget(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(out, "kept"), nil, 0o600))
	require.ErrorContains(t, run("v1.2.3", out, "linux/amd46"), "linux/amd46 is not a target; use one of linux/amd64, ")
	assert.FileExists(t, filepath.Join(out, "kept"))
}

// TestContainerfile: the image has a binary of this program, with the version that it is given.
func TestContainerfile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "Containerfile"))
	require.NoError(t, err)
	assert.Contains(t, string(text), `go run ./cmd/deed/internal/dist -version "$VERSION" -only "linux/$(go env GOARCH)"`)
}
