#!/bin/sh
# Usage: release.sh [--dry-run] [VERSION] -- RELEASED... -- UNRELEASED...
#
# Prepares a release: RELEASED and UNRELEASED are the directories of the leaf
# modules, and every released module gets the same version as the root. It
# requires that version of its siblings, since the replace directives of a leaf
# mean nothing to those who depend on it.
#
# Everything happens in a copy of the tree first: the versions are written, every
# go.mod is checked, and each released module is built as a user gets it, from a
# module proxy on disk. Only then are the go.mod files and the changelog written
# here, and the commands printed that commit, tag and push. Nothing is tagged or
# pushed here. --dry-run ends after the copy; its VERSION defaults to the next
# minor version, and it accepts a changed tree, any branch and an empty changelog.
set -eu

go=${GO:-go}
main_branch=main

die() {
	echo "release: $*" >&2
	exit 1
}

# A CI machine may run this as another user than the one that cloned.
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

# sort_keys reads versions and prints each after five numbers that sort as
# semantic versions do: a release comes after its candidates. It drops what isn't
# a version in one of our forms.
sort_keys() {
	sed -n -E \
		-e 's/^(v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*))$/\2 \3 \4 4 0 \1/p' \
		-e 's/^(v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)-alpha\.(0|[1-9][0-9]*))$/\2 \3 \4 1 \5 \1/p' \
		-e 's/^(v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)-beta\.(0|[1-9][0-9]*))$/\2 \3 \4 2 \5 \1/p' \
		-e 's/^(v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)-rc\.(0|[1-9][0-9]*))$/\2 \3 \4 3 \5 \1/p'
}

highest() {
	sort_keys | sort -k 1,1n -k 2,2n -k 3,3n -k 4,4n -k 5,5n | tail -n 1 | cut -d ' ' -f 6
}

# Tags of any module count: v0.1.0, exporters/otlp/v0.1.0.
tags=$(run_git tag --list | sed 's|.*/||')
latest=$(printf '%s\n' "$tags" | highest)

if [ -z "$version" ]; then
	[ -n "$dry_run" ] || die "name the version: make release VERSION=v0.1.0"
	version=$(printf '%s\n' "${latest:-v0.0.0}" | sort_keys | awk '{ print "v" $1 "." $2 + 1 ".0" }')
fi

[ -n "$(printf '%s\n' "$version" | sort_keys)" ] ||
	die "$version is no version; write vMAJOR.MINOR.PATCH, or that with -alpha.N, -beta.N or -rc.N"
case $version in
v[01].*) ;;
*) die "$version needs a module path that ends in /${version%%.*}; see VERSIONING.md" ;;
esac
if [ -n "$latest" ]; then
	[ "$version" != "$latest" ] && [ "$(printf '%s\n' "$latest" "$version" | highest)" = "$version" ] ||
		die "$version is not greater than $latest, which is tagged"
fi

if [ -z "$dry_run" ]; then
	branch=$(run_git symbolic-ref --quiet --short HEAD || echo none)
	[ "$branch" = "$main_branch" ] || die "the branch is $branch; releases are made on $main_branch"
	[ -z "$(run_git status --porcelain)" ] || die "the tree has changes; commit them first"
fi

# Lines under Unreleased that hold an entry.
entries=$(awk '/^## / { in_section = ($2 == "[Unreleased]") } in_section && /^- /' CHANGELOG.md)
if [ -z "$entries" ] && [ -z "$dry_run" ]; then
	die "CHANGELOG.md has no entry under Unreleased, so there is nothing to release"
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

# Outside the workspace, as users are.
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

# Modules come after those that they require.
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
) || die "the modules require one another in a circle"
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

# A module proxy on disk with VERSION of every released module. A module's
# archive leaves out the modules below it.
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
	git archive --format=zip --prefix="$path@$version/" -o "$files/$version.zip" "$tree:${base%/}" -- "$@"
done

# A module cache of its own, so that what is not released never gets into the
# user's; that one serves as a proxy for the dependencies. With -trimpath the
# build cache recognizes packages in spite of the new directory.
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
		die "a user of $path $version could not build it"
	}
	others=$("$go" -C "$consumer" list -m -f '{{.Path}} {{.Version}}' all | awk -v module="$module" -v version="$version" '
		($1 == module || index($1, module "/") == 1) && $2 != version
	')
	[ -z "$others" ] || die "a user of $path $version would get $others"
done

tags=
for dir in $order; do
	if [ "$dir" = . ]; then tags=$version; else tags="$tags $dir/$version"; fi
done

if [ -n "$dry_run" ]; then
	echo "release: $version would be consistent, as: $tags"
	exit 0
fi

cd "$root"
for leaf in $released $unreleased; do
	cp "$copy/$leaf/go.mod" "$leaf/go.mod"
done
cp "$copy/CHANGELOG.md" CHANGELOG.md

echo "release: wrote $version to CHANGELOG.md and the go.mod files. Read git diff, then run:"
echo
echo "git commit -a -m 'all: release $version'"
for tag in $tags; do
	echo "git tag -a $tag -m $tag"
done
echo "git push --atomic origin $main_branch $tags"
