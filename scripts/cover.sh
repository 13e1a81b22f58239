#!/bin/sh
# Usage: cover.sh PERCENT PACKAGE...
#
# Runs the tests of the root module, prints the statement coverage of each
# PACKAGE, and fails if one is below PERCENT.
set -eu

least=$1
shift
packages=$(echo "$*" | tr ' ' ',')

data=$PWD/bin/cover
rm -rf "$data"
mkdir -p "$data"

"${GO:-go}" test -coverpkg="$packages" ./... -args -test.gocoverdir="$data" >"$data.log" || {
	cat "$data.log"
	exit 1
}

"${GO:-go}" tool covdata percent -i="$data" -pkg="$packages" | awk -v least="$least" -v want="$#" '
	{
		print
		found++
		for (i = 1; i <= NF; i++) if ($i ~ /%$/ && $i + 0 < least) low = 1
	}
	END {
		if (low) print "cover: a package is below " least "%"
		if (found != want) print "cover: measured " found " of " want " packages"
		exit low || found != want
	}
'
