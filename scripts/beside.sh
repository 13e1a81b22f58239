#!/bin/sh
# Usage: beside.sh LOG BESIDE COMMAND
#
# Runs two commands at the same time, BESIDE with the lowest priority, and fails if one does.
# Prints the output of COMMAND as it comes, and that of BESIDE at the end.
set -eu

mkdir -p "$(dirname "$1")"
nice -n 19 sh -c "$2" >"$1" 2>&1 &
beside=$!
failed=
sh -c "$3" || failed=yes
wait "$beside" || failed=yes
cat "$1"
rm -f "$1"
[ -z "$failed" ]
