#!/bin/sh
# Usage: fuzz.sh FUZZTIME
#
# Runs every fuzz target of the workspace. go test accepts one target, links its program
# again for each, and leaves processors idle while it does. So each package is compiled once,
# then runs its targets one by one with one worker; as many packages run at once as there are
# processors. Minimization is limited: without a limit, each input may take a minute.
#
# A target that passes prints one line, a target that fails all of its output. The others
# still run.
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

export GO="${GO:-go}" programs="$PWD/bin/fuzz" cache="$("${GO:-go}" env GOCACHE)/fuzz"
rm -rf "$programs"
mkdir -p "$programs"

# The arguments are a package, and the names and times of its targets.
# shellcheck disable=SC2016 # the shell that xargs starts expands them
run='
	package=$1 failed=0
	shift
	program=$programs/$(echo "$package" | tr / -).test
	"$GO" test -c -fuzz . -o "$program" "$package" || exit 1
	cd "$("$GO" list -f "{{.Dir}}" "$package")" || exit 1 # testdata is there
	while [ $# -gt 0 ]; do
		if "$program" -test.run "^\$" -test.fuzz "^$1\$" -test.fuzztime "$2" -test.fuzzminimizetime 100x \
			-test.parallel 1 -test.paniconexit0 -test.fuzzcachedir "$cache/$package" >"$program.log" 2>&1; then
			echo "ok  	$package	$1	$(sed -n "s/^fuzz: elapsed: \([^,]*\), execs: \([0-9]*\).*/\2 inputs in \1/p" "$program.log" | tail -n 1)"
		else
			failed=1
			echo "FAIL	$package	$1"
			cat "$program.log"
		fi
		shift 2
	done
	rm -f "$program" "$program.log"
	exit $failed
'
printf '%s\n' "$targets" | awk '
	!($1 in args) { args[$1] = $1 }
	{ args[$1] = args[$1] " " $2 " " $3 }
	END { for (package in args) print args[package] }
' | sort | xargs -P "$(getconf _NPROCESSORS_ONLN)" -L 1 sh -c "$run" fuzz
