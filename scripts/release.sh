#!/bin/sh
# Usage: release.sh [--dry-run] [VERSION] -- RELEASED... -- UNRELEASED...
#
# Prepares a release. RELEASED and UNRELEASED are the directories of the leaf
# modules. Every released module gets the version of the root, and requires that
# version of its siblings, because the replace directives of a leaf don't apply to
# its users.
#
# The script works in a copy of the tree first: it writes the versions, checks
# every go.mod, and builds each released module as a user would, from a module
# proxy on disk. Only then does it write the go.mod files and the changelog here,
# and print the commands that commit, tag and push. It tags and pushes nothing
# itself. --dry-run stops after the copy; its VERSION defaults to the next minor
# version, and it accepts a changed tree, any branch and an empty changelog.
set -eu

go=${GO:-go}
main_branch=main

die() {
	echo "release: $*" >&2
	exit 1
}

# On a CI machine the user may differ from the one that cloned the repository.
run_git() {
	git -c safe.directory="$(pwd -P)" -c core.quotePath=false "$@"
}

dry_run=
version=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	case $1 in
	--dry-run) dry_run=yes ;;
	*) version=$1 ;;
	esac
	shift
done
[ $# -gt 0 ] && shift
released=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	released="$released $1"
	shift
done
[ $# -gt 0 ] && shift
unreleased=$*

root=$(pwd -P)
module=$(sed -n 's/^module //p' go.mod)

# sort_keys reads lines and prints each version after five numbers that sort like
# semantic versions: a release sorts after its candidates. It drops lines that are
# not a version in one of our forms.
sort_keys() {
	sed -n -E \
		-e 's/^(v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*))$/\2 \3 \4 4 0 \1/p' \
		-e 's/^(v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)-alpha\.(0|[1-9][0-9]*))$/\2 \3 \4 1 \5 \1/p' \
		-e 's/^(v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)-beta\.(0|[1-9][0-9]*))$/\2 \3 \4 2 \5 \1/p' \
		-e 's/^(v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)-rc\.(0|[1-9][0-9]*))$/\2 \3 \4 3 \5 \1/p'
}

# highest reads versions and prints the highest one.
highest() {
	sort_keys | sort -k 1,1n -k 2,2n -k 3,3n -k 4,4n -k 5,5n | tail -n 1 | cut -d ' ' -f 6
}

# The tags of all modules count: v0.1.0, exporters/otlp/v0.1.0.
tags=$(run_git tag --list | sed 's|.*/||')
latest=$(printf '%s\n' "$tags" | highest)

if [ -z "$version" ]; then
	[ -n "$dry_run" ] || die "the version is missing; run make release VERSION=v0.1.0"
	version=$(printf '%s\n' "${latest:-v0.0.0}" | sort_keys | awk '{ print "v" $1 "." $2 + 1 ".0" }')
fi

[ -n "$(printf '%s\n' "$version" | sort_keys)" ] ||
	die "$version is not a version; write vMAJOR.MINOR.PATCH, optionally with -alpha.N, -beta.N or -rc.N"
case $version in
v[01].*) ;;
*) die "$version needs a module path that ends in /${version%%.*}; see VERSIONING.md" ;;
esac
if [ -n "$latest" ]; then
	[ "$version" != "$latest" ] && [ "$(printf '%s\n' "$latest" "$version" | highest)" = "$version" ] ||
		die "$version is not greater than the tagged version $latest"
fi

if [ -z "$dry_run" ]; then
	branch=$(run_git symbolic-ref --quiet --short HEAD || echo none)
	[ "$branch" = "$main_branch" ] || die "the branch is $branch; switch to $main_branch"
	[ -z "$(run_git status --porcelain)" ] || die "the tree has uncommitted changes; commit them first"
fi

# The lines under Unreleased that begin an entry.
entries=$(awk '/^## / { in_section = ($2 == "[Unreleased]") } in_section && /^- /' CHANGELOG.md)
if [ -z "$entries" ] && [ -z "$dry_run" ]; then
	die "CHANGELOG.md has no entry under Unreleased; nothing to release"
fi

scratch=$(mktemp -d "${TMPDIR:-/tmp}/release.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
copy=$scratch/tree
mkdir "$copy"
run_git ls-files --cached --others --exclude-standard | while IFS= read -r name; do
	[ ! -e "$name" ] || printf '%s\n' "$name"
done >"$scratch/files"
tar -cf - -T "$scratch/files" | tar -xf - -C "$copy"
cd "$copy"

# Users build outside the workspace.
GOWORK=off
export GOWORK

# requires prints the modules of this repository that the leaf $1 requires.
requires() {
	"$go" mod edit -json "$1/go.mod" | awk -v module="$module" '
		/"Require": \[/ { inside = 1 }
		/^\t\]/         { inside = 0 }
		inside && /"Path":/ {
			gsub(/[",]/, "")
			if ($2 == module || index($2, module "/") == 1) print $2
		}
	'
}

for leaf in $released $unreleased; do
	for path in $(requires "$leaf"); do
		"$go" mod edit -require="$path@$version" "$leaf/go.mod"
	done
done

if [ -n "$entries" ] && ! grep -q -F "## [${version#v}]" CHANGELOG.md; then
	awk -v version="$version" -v number="${version#v}" -v date="$(date -u +%Y-%m-%d)" -v url="https://$module" '
		/^## \[Unreleased\]/ { print; print ""; print "## [" number "] - " date; next }
		/^\[Unreleased\]: / {
			print "[Unreleased]: " url "/compare/" version "...main"
			print "[" number "]: " url "/releases/tag/" version
			next
		}
		{ print }
	' CHANGELOG.md >"$scratch/changelog"
	cp "$scratch/changelog" CHANGELOG.md
fi

for leaf in . $released $unreleased; do
	"$go" -C "$leaf" mod tidy -diff || die "$leaf/go.mod is not tidy"
done

# replaced prints the paths that the module in $1 replaces.
replaced() {
	"$go" mod edit -json "$1/go.mod" | awk '
		/"Replace": \[/ { inside = 1 }
		/^\t\]/         { inside = 0 }
		inside && /"Old":/ { old = 1 }
		inside && old && /"Path":/ { gsub(/[",]/, ""); print $2; old = 0 }
	'
}

# drop_replaces prints the flags that remove them.
drop_replaces() {
	for path in $(replaced "$1"); do
		printf ' -dropreplace=%s' "$path"
	done
}

# Each module comes after the modules that it requires.
order=$(
	{
		printf '%s %s\n' "$module" "$module"
		for leaf in $released; do
			printf '%s %s\n' "$module" "$module/$leaf"
			for path in $(requires "$leaf"); do
				printf '%s %s\n' "$path" "$module/$leaf"
			done
		done
	} | tsort | sed -e "s|^$module\$|.|" -e "s|^$module/||"
) || die "the modules require each other in a cycle"
for dir in $order; do
	case " . $released " in
	*" $dir "*) ;;
	*) die "a released module requires $dir, which is not released" ;;
	esac
done

# path_of prints the module path of the directory $1.
path_of() {
	if [ "$1" = . ]; then echo "$module"; else echo "$module/$1"; fi
}

# What is committed here keeps the replace directives of commands; what is tagged has none.
commands=
mkdir "$scratch/kept"
for dir in $order; do
	case $dir in
	cmd/*)
		if [ -n "$(replaced "$dir")" ]; then
			commands="$commands $dir"
			mkdir -p "$scratch/kept/$dir"
			cp "$dir/go.mod" "$scratch/kept/$dir/go.mod"
			# shellcheck disable=SC2046 # the flags are words
			"$go" mod edit $(drop_replaces "$dir") "$dir/go.mod"
		fi
		;;
	esac
done

# The module proxy on disk has VERSION of every released module. The archive of a
# module excludes the modules in its subdirectories.
git init -q .
git add -A
tree=$(git write-tree)
nested=$(git ls-files -- '*/go.mod' | sed 's|/go.mod$||')
for dir in $order; do
	path=$(path_of "$dir")
	base=
	[ "$dir" = . ] || base=$dir/
	set -- .
	for other in $nested; do
		case $other in
		"$base"?*) set -- "$@" ":(exclude)${other#"$base"}" ;;
		esac
	done
	files=$scratch/proxy/$path/@v
	mkdir -p "$files"
	cp "$dir/go.mod" "$files/$version.mod"
	printf '{"Version":"%s"}\n' "$version" >"$files/$version.info"
	printf '%s\n' "$version" >"$files/list" # go install asks whether the module is deprecated
	git archive --format=zip --prefix="$path@$version/" -o "$files/$version.zip" "$tree:${base%/}" -- "$@"
done

# The builds use a module cache of their own, so that unreleased modules never get
# into the user's cache, which serves as a proxy for the dependencies. With
# -trimpath the build cache recognizes packages despite the new directory.
GOPROXY="file://$scratch/proxy,file://$("$go" env GOMODCACHE)/cache/download,$("$go" env GOPROXY)"
GOMODCACHE=$scratch/mod
GONOSUMDB=$module
GOFLAGS="-mod=mod -modcacherw -trimpath"
export GOPROXY GOMODCACHE GONOSUMDB GOFLAGS
go_version=$(sed -n 's/^go //p' go.mod)
for dir in $order; do
	path=$(path_of "$dir")
	consumer=$scratch/consumer/$path
	mkdir -p "$consumer"
	printf 'module example.com/consumer\n\ngo %s\n\nrequire %s %s\n' "$go_version" "$path" "$version" >"$consumer/go.mod"
	cp "$dir/go.sum" "$consumer/go.sum"
	"$go" -C "$consumer" build "$path/..." 2>"$scratch/log" || {
		cat "$scratch/log" >&2
		die "$path $version does not build for its users"
	}
	others=$("$go" -C "$consumer" list -m -f '{{.Path}} {{.Version}}' all | awk -v module="$module" -v version="$version" '
		($1 == module || index($1, module "/") == 1) && $2 != version
	')
	[ -z "$others" ] || die "users of $path $version would get $others"
done
for dir in $commands; do
	path=$(path_of "$dir")
	GOFLAGS="-modcacherw -trimpath" GOBIN="$scratch/bin" "$go" -C "$scratch" install "$path@$version" 2>"$scratch/log" || {
		cat "$scratch/log" >&2
		die "go install $path@$version fails"
	}
	cp "$scratch/kept/$dir/go.mod" "$dir/go.mod"
done

tags=
for dir in $order; do
	if [ "$dir" = . ]; then tags=$version; else tags="$tags $dir/$version"; fi
done

if [ -n "$dry_run" ]; then
	echo "release: $version can be released, as: $tags"
	exit 0
fi

cd "$root"
for leaf in $released $unreleased; do
	cp "$copy/$leaf/go.mod" "$leaf/go.mod"
done
cp "$copy/CHANGELOG.md" CHANGELOG.md

echo "release: wrote $version to CHANGELOG.md and the go.mod files. Check git diff, then run:"
echo
echo "git commit -a -m 'all: release $version'"
for tag in $tags; do
	case " $commands " in
	*" ${tag%/*} "*) ;;
	*) echo "git tag -a $tag -m $tag" ;;
	esac
done
for dir in $commands; do
	echo "git switch --detach $main_branch"
	echo "go mod edit$(drop_replaces "$dir") $dir/go.mod"
	echo "git commit -m '$dir: release $version, which can be installed' $dir/go.mod"
	echo "git tag -a $dir/$version -m $dir/$version"
	echo "git switch $main_branch"
done
echo "git push --atomic origin $main_branch $tags"
