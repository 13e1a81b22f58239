package config

import "strings"

// endpoint is the address of a server, which may contain credentials.
type endpoint string

func (*endpoint) tags() []string { return []string{tagText} }

func (e *endpoint) set(s string) *fault { return (*text)(e).set(s) }

// isSecret reports whether the address may contain credentials.
func (e *endpoint) isSecret() bool { return strings.ContainsAny(string(*e), "@?") }
