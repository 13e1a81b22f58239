#!/bin/sh
# Usage: cover.sh PERCENT PACKAGE...
#
# Runs the tests of the root module, prints the statement coverage of each
# package, and fails if one has less than PERCENT.
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
		if (low) print "cover: less than " least "%"
		if (found != want) print "cover: " found " packages measured of " want
		exit low || found != want
	}
'
