package viewer

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
)

//go:embed assets
var assetFiles embed.FS

//go:embed templates
var templateFiles embed.FS

// assets are the files of the pages, under names with the hash of their content: a browser
// keeps them permanently, and a new version has new names.
type assets struct {
	names map[string]string // the name in addresses, by that of the file
	files map[string][]byte // by the name in addresses
}

var assetTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

func loadAssets() (*assets, error) {
	a := &assets{names: map[string]string{}, files: map[string][]byte{}}
	entries, err := assetFiles.ReadDir("assets")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		data, err := assetFiles.ReadFile("assets/" + e.Name())
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(data)
		base, ext := strings.TrimSuffix(e.Name(), path.Ext(e.Name())), path.Ext(e.Name())
		name := base + "." + hex.EncodeToString(sum[:6]) + ext
		a.names[e.Name()], a.files[name] = name, data
	}
	return a, nil
}

// address returns the address of a file, relative to the pages.
func (a *assets) address(name string) string { return "assets/" + a.names[name] }

func (a *assets) serve(w http.ResponseWriter, r *http.Request, name string) {
	data, ok := a.files[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", assetTypes[path.Ext(name)])
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	if r.Method == http.MethodGet {
		_, _ = w.Write(data) // the client may have left
	}
}
