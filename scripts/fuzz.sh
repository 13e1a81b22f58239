#!/bin/sh
# Usage: fuzz.sh FUZZTIME
#
# Runs every fuzz target of the workspace, one after the other, since go test
# takes one target of one package at a time. Minimising an input may take a
# minute each time unless it is bounded.
set -eu

listed=$("${GO:-go}" test -list '^Fuzz' work)

# go test prints the names of a package's targets before its "ok" line.
targets=$(printf '%s\n' "$listed" | awk '
	/^Fuzz/ { names[++n] = $1 }
	/^ok/   { for (i = 1; i <= n; i++) print $2, names[i]; n = 0 }
')
[ -n "$targets" ] || { echo "fuzz: no targets found" >&2; exit 1; }

printf '%s\n' "$targets" | while read -r package name; do
	"${GO:-go}" test -run '^$' -fuzz "^$name\$" -fuzztime "$1" -fuzzminimizetime 100x "$package" </dev/null || exit 1
done
