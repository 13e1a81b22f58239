package viewer

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
)

// content is what a page shows.
type content struct {
	template string
	Title    string
	Data     any
}

// layout is the data of a page and of what encloses it.
type layout struct {
	*content

	Trail  string // its name
	Home   string // the address of the timeline
	Lang   string
	Tabs   []tab
	Zone   zoneForm
	Viewer string // who looks
	Past   string // the address of past exports, or ""
}

// tab is a link of the navigation.
type tab struct {
	Name, Href string
	Current    bool
}

// zoneForm lets people choose a time zone. It keeps the other parameters.
type zoneForm struct {
	Name   string
	Action string
	Hidden []param
}

// param is a parameter of an address.
type param struct{ Name, Value string }

// parseTemplates returns the templates of all pages, each with the layout.
func (v *viewer) parseTemplates() (map[string]*template.Template, error) {
	functions := template.FuncMap{
		"t":        v.language.word,
		"tf":       v.language.phrase,
		"asset":    v.assets.address,
		"number":   number,
		"dict":     dict,
		"zones":    func() []string { return zones },
		"hasLabel": func(hour int) bool { return hour%6 == 0 },
	}
	shared, err := template.New("").Funcs(functions).ParseFS(templateFiles, "templates/shared/*.html")
	if err != nil {
		return nil, err
	}
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	all := map[string]*template.Template{}
	for _, file := range files {
		t, err := shared.Clone()
		if err != nil {
			return nil, err
		}
		if all[path.Base(file)], err = t.ParseFS(templateFiles, file); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// dict makes a map of alternating names and values, for templates with several parameters.
func dict(pairs ...any) (map[string]any, error) {
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("viewer: dict: the name %v is not a text", pairs[i])
		}
		m[name] = pairs[i+1]
	}
	return m, nil
}

// render writes a page. It is complete, or an error page.
func (v *viewer) render(w http.ResponseWriter, r *http.Request, status int, visit *visit, c *content) {
	page := layout{content: c, Trail: v.title, Home: visit.address("", nil), Lang: v.language.Tag}
	if !visit.actor.IsZero() {
		page.Tabs, page.Zone, page.Viewer = visit.tabs(), visit.zoneForm(), visible(actorText(&visit.actor))
		page.Past = visit.pastExports()
	}
	var b bytes.Buffer
	if err := v.templates[c.template].ExecuteTemplate(&b, "layout", page); err != nil {
		v.onError(r.Context(), fmt.Errorf("%s: %w", c.template, err))
		http.Error(w, "This page is broken. Tell whoever runs this service; its log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if r.Method == http.MethodGet {
		_, _ = w.Write(b.Bytes()) // the client may have left
	}
}

func (v *visit) tabs() []tab {
	t := v.language.word
	tabs := []tab{
		{Name: t("Timeline"), Href: v.address("", nil), Current: v.page == ""},
		{Name: t("Security"), Href: v.address("security", nil), Current: v.page == "security"},
	}
	if v.hasHealth() {
		tabs = append(tabs, tab{Name: t("Health"), Href: v.address("health", nil), Current: v.page == "health"})
	}
	return tabs
}

// zones are proposed where people write a time zone. Others work, too.
var zones = []string{
	"UTC", "America/Los_Angeles", "America/New_York", "America/Sao_Paulo", "Europe/London", "Europe/Berlin", "Europe/Kyiv",
	"Africa/Lagos", "Africa/Nairobi", "Asia/Dubai", "Asia/Kolkata", "Asia/Singapore", "Asia/Tokyo", "Australia/Sydney",
}

func (v *visit) zoneForm() zoneForm {
	f := zoneForm{Name: v.clock.Zone.String(), Action: "./" + v.page}
	for _, name := range v.names() {
		for _, value := range v.params[name] {
			if name != "zone" {
				f.Hidden = append(f.Hidden, param{name, value})
			}
		}
	}
	return f
}
