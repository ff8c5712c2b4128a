#!/bin/bash
# SPDX-License-Identifier: MIT
# What "make release" makes of a tagged commit, and that it refuses all else. In a
# repository of its own.
# shellcheck source-path=SCRIPTDIR
. "${0%/*}/e2e/lib.sh"
need make git sha256sum

# Not as a part of a git hook, nor as whoever runs this.
unset "${!GIT_@}"
export HOME=$work GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t

version=$(newest_version)
tag=v$version
date=$(newest_date)
tree=$work/tree

distributed_tree "$tree" >"$work/tree.log" 2>&1 || skip_or_bail "no make distdir"

# says [DIRECTORY]: what the check of a checkout says
says() {
  bash "$top_srcdir/packaging/check-release.sh" "${1:-$tree}" 2>&1 && echo "yes"
}
in_tree() { git -C "$tree" "$@"; }
tag_on() { GIT_COMMITTER_DATE="$1 12:00:00 +0000" in_tree tag -f -a -m 'A release' "$tag"; }

# --- What it refuses -----------------------------------------------------------

is "no repository" "$(says)" "This is no release: the sources are no git checkout."
git init -q "$work"
is "somebody else's repository" "$(says)" \
  "This is no release: the sources are no git checkout."
rm -rf "$work/.git"

git init -q "$tree"
is "nothing committed" "$(says)" \
  "This is no release: something is not committed, see git status."
in_tree add -A
in_tree commit -q -m 'A commit'
is "no tag" "$(says)" \
  "This is no release: NEWS begins with $version, but there is no tag $tag."
in_tree branch "$tag"
is "a branch of that name" "$(says)" \
  "This is no release: NEWS begins with $version, but there is no tag $tag."
in_tree tag "$tag"
is "a tag without date and message" "$(says)" \
  "This is no release: the tag $tag is not an annotated one: git tag -a makes one."
tag_on 2001-02-03 >/dev/null
is "another day's tag" "$(says)" \
  "This is no release: NEWS says that $version is of $date, but $tag was made on 2001-02-03."
tag_on "$date" >/dev/null
is "not what is one" "$(says)" yes

echo more >>"$tree/README.md"
is "a changed file" "$(says)" \
  "This is no release: something is not committed, see git status."
in_tree checkout -q README.md
: >"$tree/new"
is "a new file" "$(says)" \
  "This is no release: something is not committed, see git status."
rm "$tree/new"

in_tree commit -q --allow-empty -m 'One more commit'
is "a later commit" "$(says)" \
  "This is no release: NEWS begins with $version, but $tag is another commit."
in_tree reset -q --soft HEAD^
is "not the tagged one" "$(says)" yes

# In a clone, since NEWS makes a new configure.
git clone -q "$tree" "$work/clone"
echo "99.10 (2099-01-01)" >>"$work/clone/NEWS"
git -C "$work/clone" commit -q -a -m 'A version at the wrong end'
is "a newer version that is not the first" "$(says "$work/clone")" \
  "This is no release: NEWS begins with $version, but has 99.10 further down."
{ echo "99.11 (2099-01-02)" && cat "$tree/NEWS"; } >"$work/clone/NEWS"
git -C "$work/clone" commit -q -a -m 'A new version'
is "a new version that has no tag" "$(says "$work/clone")" \
  "This is no release: NEWS begins with 99.11, but there is no tag v99.11."

# --- What it makes -----------------------------------------------------------------

mkdir "$work/build"
cd "$work/build" || exit
logged() { "$@" >"$work/make.log" 2>&1; }
said() { grep -qF "$1" "$work/make.log"; }
release() { logged make -s release "$@"; }

ok "configure" logged ../tree/configure -q \
  "--with-collectd-source=$(collectd_source)"

: >"$tree/new"
ok "make release refuses, too" not release RELEASE_CHECK=dist
ok "and says why" said "something is not committed"
is "and makes nothing" "$(find . -name '*.tar.gz' -o -name SHA256SUMS)" ""
rm "$tree/new"

ok "make release fails if distcheck does" not release \
  DISTCHECK_CONFIGURE_FLAGS=--with-collectd-source=/dev/null
ok "for that reason" said "no directory /dev/null"
ok "and leaves no check sums" not test -e SHA256SUMS

tarball=camb_task-$version.tar.gz
ok "make release" release RELEASE_CHECK=dist
ok "says what to do next" said "git push origin $tag"
is "there are check sums of the tarball" "$(sha256sum -c SHA256SUMS)" "$tarball: OK"

mv "$tarball" first.tar.gz
chmod g+w "$tree/README.md"
touch "$tree/README.md"
umask 077
ok "the tarball can be made again" logged make -s dist
ok "and is the same, whenever and by whomever" cmp "$tarball" first.tar.gz

done_testing
