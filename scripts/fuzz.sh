#!/bin/sh
# Usage: fuzz.sh FUZZTIME
#
# Runs every fuzz target of the workspace, one at a time, since go test accepts one
# target of one package. Minimization is limited: without a limit, each input may
# take a minute.
set -eu

# The targets are read from the source, because go test -list would link the test
# binary of every package.
files=$("${GO:-go}" list -f '
	{{- $dir := .Dir}}{{$package := .ImportPath -}}
	{{range .TestGoFiles}}{{$package}} {{$dir}}/{{.}}{{"\n"}}{{end -}}
	{{range .XTestGoFiles}}{{$package}} {{$dir}}/{{.}}{{"\n"}}{{end}}' work)

targets=$(printf '%s\n' "$files" | while read -r package file; do
	[ -z "$file" ] || sed -n "s|^func \\(Fuzz[A-Za-z0-9_]*\\)([a-z]* \\*testing\\.F).*|$package \\1|p" "$file"
done)
[ -n "$targets" ] || { echo "fuzz: no targets found" >&2; exit 1; }

printf '%s\n' "$targets" | while read -r package name; do
	"${GO:-go}" test -run '^$' -fuzz "^$name\$" -fuzztime "$1" -fuzzminimizetime 100x "$package" </dev/null || exit 1
done
