#!/bin/bash
# SPDX-License-Identifier: MIT
#
# check-release.sh DIRECTORY: succeeds if this git checkout is a release, that is,
# if all is committed and the commit has the annotated tag of NEWS' first version
# and date; else says in a line why it is not. For "make release".
set -uo pipefail

refuse() {
  echo "This is no release: $*" >&2
  exit 1
}

cd "$1" || exit
[ "$(git rev-parse --show-toplevel 2>/dev/null)" -ef . ] ||
  refuse "the sources are no git checkout."
[ -z "$(git status --porcelain)" ] ||
  refuse "something is not committed, see git status."

versions=$(sed -nE 's/^([0-9.]+) \((.*)\)$/\1 \2/p' NEWS)
newest=$(sort -rV <<<"$versions" | head -n 1)
read -r version date <<<"$versions"
[ "$version" = "${newest%% *}" ] ||
  refuse "NEWS begins with $version, but has ${newest%% *} further down."

tag=v$version
kind=$(git cat-file -t "refs/tags/$tag" 2>/dev/null) ||
  refuse "NEWS begins with $version, but there is no tag $tag."
[ "$kind" = tag ] ||
  refuse "the tag $tag is not an annotated one: git tag -a makes one."
[ "$(git rev-parse "refs/tags/$tag^{commit}")" = "$(git rev-parse HEAD)" ] ||
  refuse "NEWS begins with $version, but $tag is another commit."
day=$(git for-each-ref --format='%(taggerdate:short)' "refs/tags/$tag")
[ "$day" = "$date" ] ||
  refuse "NEWS says that $version is of $date, but $tag was made on $day."
