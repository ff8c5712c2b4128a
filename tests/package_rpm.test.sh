#!/bin/bash
# SPDX-License-Identifier: MIT
# What is in the RPM that "make rpm" makes, and that collectd loads its plugin.
# shellcheck source-path=SCRIPTDIR
. "${0%/*}/e2e/lib.sh"
need make rpmbuild rpm2archive "$collectd" collectdctl curl

export HOME=$work # rpm makes a database there

make_rpm() (
  distributed_tree "$work/tree" && mkdir "$work/build" && cd "$work/build" &&
    ../tree/configure -q "--with-collectd-source=$(collectd_source)" &&
    make -s rpm
) >"$work/make.log" 2>&1
ok "make rpm" make_rpm
[ "$failures" -eq 0 ] || done_testing # with the log
package=$work/build/$(sed -n 's/^The package is //p' "$work/make.log")
ok "says where in the build directory it is" test -f "$package"

# --- What it says of itself ----------------------------------------------------

asked() { rpm -qp "$@" "$package"; }

is "it has the version of NEWS" "$(asked --qf '%{NAME} %{VERSION}')" \
  "collectd-camb_task $(newest_version)"
is "it needs collectd 5.12 or a later 5.x" \
  "$(asked --requires | sed -n 's/^collectd\((.*)\)* /collectd /p' | sort)" \
  "collectd < 6
collectd >= 5.12"
is "and the libraries" \
  "$(asked --requires | sed -n 's/^\(libcurl\|libjson-c\)[^(]*()(.*/\1/p' | sort)" \
  "libcurl
libjson-c"
is "it offers nothing but itself" \
  "$(asked --provides | sed 's/[ (].*//' | sort -u)" \
  "collectd-camb_task
config"
is "it runs no scripts" "$(asked --scripts --triggers)" ""

# --- Its files -----------------------------------------------------------------

plugins=$(rpm --eval '%{_libdir}')/collectd
documents=/usr/share/doc/collectd-camb_task
drop_in=/etc/collectd.d/camb_task.conf

# Without what each distribution's rpm does in its own way: links to find debug
# information by, the version in the license's directory, compressed pages.
files() {
  asked --qf '[%{FILEFLAGS:fflags} %{FILEMODES:perms} %{FILENAMES}\n]' |
    sed -e '/\.build-id/d' -e 's/\.gz$//' \
      -e 's,\(/licenses/collectd-camb_task\)[^/]*,\1,' | sort
}
expected_files() {
  local name mode
  cat <<END
cn -rw-r--r-- $drop_in
 -rwxr-xr-x $plugins/camb_task.so
 drwxr-xr-x $documents
d -rw-r--r-- $documents/NEWS
d -rw-r--r-- $documents/README.md
 drwxr-xr-x /usr/share/licenses/collectd-camb_task
l -rw-r--r-- /usr/share/licenses/collectd-camb_task/LICENSE
d -rw-r--r-- /usr/share/man/man5/collectd-camb_task.5
END
  cd "$top_srcdir" || exit
  find examples ! -name 'quickstart*' | while read -r name; do
    mode=d\ -rw-r--r--
    [ ! -x "$name" ] || mode=d\ -rwxr-xr-x
    [ ! -d "$name" ] || mode=\ drwxr-xr-x
    echo "$mode $documents/$name"
  done
}
expected_files | sort >"$work/expected"
is "it has the plugin, the page, the documents and the drop-in" \
  "$(files | diff "$work/expected" -)" ""
is "all are root's" \
  "$(asked --qf '[%{FILEUSERNAME}:%{FILEGROUPNAME}\n]' | sort -u)" root:root

root=$work/root
mkdir "$root"
rpm2archive - <"$package" | tar -xz -C "$root"
is "the plugin has its version" \
  "$(grep -ao 'camb_task/[0-9.]*[0-9]' "$root$plugins/camb_task.so")" \
  "camb_task/$(newest_version)"
is "alerts link to the README where it is installed" \
  "$(alerts_link_to "$root$documents")" "file://$documents/README.md"

# --- The drop-in, and collectd ---------------------------------------------------

is "the drop-in enables nothing" "$(grep -v '^#' "$root$drop_in" | tr -d '\n')" ""
is "it names itself" "$(head -n 1 "$root$drop_in")" \
  "## $drop_in: follow CAMB.AI project setups."
ok "and nothing where Debian has it" not grep -q 'collectd\.conf\.d' "$root$drop_in"
ok "and the README where it is" \
  test -f "$root$(grep -o '/usr/share/doc/.*/README.md' "$root$drop_in")"

mkdir "$work/examples"
steps=$(wc -l <"$top_srcdir/packaging/first-steps")
sed 's/^#//' "$root$drop_in" >"$work/examples/camb_task.conf"
is "without its marks and the first steps it is the example" \
  "$(tail -n "+$((steps + 2))" "$work/examples/camb_task.conf" |
    diff - <(tail -n +2 "$top_srcdir/examples/camb_task.conf"))" ""

start_simulator <<<'task 660945d2-6a54-4b8b-8295-aa08f3d432d7 success=7'
top_srcdir=$work
MODULE_DIR=$root$plugins
start_collectd < <(example camb_task.conf)
ok "and collectd then has a value of the packaged plugin's" \
  wait_for value_is camb_task-trailer-fr/gauge-status 0
ok "having loaded that one" grep -q " $root$plugins/camb_task.so\$" "/proc/$daemon/maps"

done_testing
