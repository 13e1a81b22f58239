#!/bin/sh
# Usage: clean-tree.sh record|check FILE
#
# record writes the names and content hashes of all files that differ from the last
# commit to FILE. check fails and lists the files that have changed since then.
# Git must ignore FILE itself.
set -eu

mode=$1
file=$2

if [ ! -e .git ]; then
	echo "clean-tree: not a Git checkout; nothing to compare with"
	exit 0
fi

# On a CI machine the user may differ from the one that cloned the repository.
run_git() {
	git -c safe.directory="$(pwd -P)" -c core.quotePath=false "$@"
}

# Prints one line for each file: the hash of its content, then its name.
snapshot() {
	changed=$(run_git diff --name-only HEAD)
	untracked=$(run_git ls-files --others --exclude-standard)
	printf '%s\n%s\n' "$changed" "$untracked" | sort -u | while IFS= read -r name; do
		if [ -z "$name" ]; then
			continue
		elif [ -f "$name" ]; then
			printf '%s %s\n' "$(run_git hash-object -- "$name")" "$name"
		else
			printf 'deleted %s\n' "$name"
		fi
	done
}

case $mode in
record)
	mkdir -p "$(dirname "$file")"
	snapshot >"$file"
	;;
check)
	snapshot >"$file.now"
	names=$(sort "$file" "$file.now" | uniq -u | cut -d ' ' -f 2- | sort -u)
	rm -f "$file.now"
	if [ -n "$names" ]; then
		echo "clean-tree: these files changed while make ran:" >&2
		printf '%s\n' "$names" | sed 's/^/  /' >&2
		echo "clean-tree: run make fmt tidy and commit the result, or fix the target that wrote them" >&2
		exit 1
	fi
	;;
*)
	echo "clean-tree: $mode is neither record nor check" >&2
	exit 2
	;;
esac
