#!/bin/sh
# Usage: fuzz.sh FUZZTIME
#
# Runs every fuzz target of the workspace, one at a time, since go test accepts one
# target of one package. Minimization is limited: without a limit, each input may
# take a minute.
#
# The line //fuzz:inputs N before a target whose inputs are slow limits a FUZZTIME that
# is a number of inputs. It does not limit a duration.
set -eu

# The targets are read from the source, because go test -list would link the test
# binary of every package.
files=$("${GO:-go}" list -f '
	{{- $dir := .Dir}}{{$package := .ImportPath -}}
	{{range .TestGoFiles}}{{$package}} {{$dir}}/{{.}}{{"\n"}}{{end -}}
	{{range .XTestGoFiles}}{{$package}} {{$dir}}/{{.}}{{"\n"}}{{end}}' work)

targets=$(printf '%s\n' "$files" | while read -r package file; do
	[ -z "$file" ] || awk -v package="$package" -v time="$1" '
		/^\/\/fuzz:inputs [0-9]+$/ { limit = $2 }
		/^func Fuzz[A-Za-z0-9_]*\([a-z]* \*testing\.F\)/ {
			name = $2
			sub(/\(.*/, "", name)
			t = time
			if (limit != "" && time ~ /^[0-9]+x$/ && time + 0 > limit + 0) t = limit "x"
			print package, name, t
			limit = ""
		}' "$file"
done)
[ -n "$targets" ] || { echo "fuzz: no targets found" >&2; exit 1; }

printf '%s\n' "$targets" | while read -r package name time; do
	"${GO:-go}" test -run '^$' -fuzz "^$name\$" -fuzztime "$time" -fuzzminimizetime 100x "$package" </dev/null || exit 1
done
