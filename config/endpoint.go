package config

import "strings"

// endpoint is the address of a server, which may have credentials in it.
type endpoint string

func (*endpoint) tags() []string { return []string{tagText} }

func (e *endpoint) set(s string) *fault { return (*text)(e).set(s) }

// hides reports whether the address is not to be shown.
func (e *endpoint) hides() bool { return strings.ContainsAny(string(*e), "@?") }
