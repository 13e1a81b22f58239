package ask

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"go.opentelemetry.io/otel/attribute"
)

// Actor parses TYPE/ID, the ID of an actor of any type, or a type of actors without ID.
func Actor(text string) (audit.Actor, error) {
	word, id, hasID := strings.Cut(text, "/")
	t, _ := wordOf[audit.ActorType](word) // otherwise the text is an ID
	switch {
	case text == "":
		return audit.Actor{}, errors.New("it is empty; write TYPE/ID, such as user/42")
	case t == audit.ActorNone:
		return audit.Actor{ID: text}, nil
	case hasID && id == "":
		return audit.Actor{}, fmt.Errorf("the ID is missing after %s/", word)
	case !hasID && t != audit.ActorAnonymous && t != audit.ActorUnresolved:
		return audit.Actor{}, fmt.Errorf("write %s/ID, or use actor-type for all of a type", word)
	}
	return audit.Actor{Type: t, ID: id}, nil
}

// ActorText returns an actor as Actor parses it: user/42, or anonymous.
func ActorText(a *audit.Actor) string {
	if a.ID == "" {
		return a.Type.String()
	}
	return a.Type.String() + "/" + a.ID
}

// Target parses TYPE/ID, or the ID of a target of any type.
func Target(text string) audit.Target {
	if kind, id, ok := strings.Cut(text, "/"); ok && kind != "" {
		return audit.Target{Type: kind, ID: id}
	}
	return audit.Target{ID: text}
}

// TargetText returns a target as Target parses it: invoice/1001. Of one without an ID it
// returns the type.
func TargetText(t audit.Target) string {
	if t.ID == "" {
		return t.Type
	}
	return t.Type + "/" + t.ID
}

// ID parses the ID of a record.
func ID(text string) (id audit.ID, err error) {
	err = id.UnmarshalText([]byte(text))
	return id, err
}

// Metadata adds an attribute, written KEY=VALUE, of any type with that text. KEY alone
// matches every value.
func Metadata(f *query.Filter, text string) error {
	key, value, ok := strings.Cut(text, "=")
	if !ok {
		f.Metadata = append(f.Metadata, attribute.KeyValue{Key: attribute.Key(key)})
		return nil
	}
	k := attribute.Key(key)
	f.Metadata = append(f.Metadata, k.String(value))
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		f.Metadata = append(f.Metadata, k.Int64(n))
	}
	if x, err := strconv.ParseFloat(value, 64); err == nil {
		f.Metadata = append(f.Metadata, k.Float64(x))
	}
	if value == "true" || value == "false" {
		f.Metadata = append(f.Metadata, k.Bool(value == "true"))
	}
	return nil
}

// wordOf returns the constant with the name.
func wordOf[T interface {
	~uint8
	Valid() bool
	String() string
}](name string,
) (T, error) {
	var words []string
	for v := T(0); v < 32; v++ {
		if !v.Valid() || v.String() == "" {
			continue
		}
		if v.String() == name {
			return v, nil
		}
		words = append(words, v.String())
	}
	return 0, fmt.Errorf("%q is none of %s", name, strings.Join(words, ", "))
}
