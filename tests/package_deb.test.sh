#!/bin/bash
# SPDX-License-Identifier: MIT
# The Debian package that "make deb" makes. As root, it is also installed, works
# in the system's collectd, and goes again without leaving anything; but not on
# a machine that has one already.
# shellcheck source-path=SCRIPTDIR
. "${0%/*}/e2e/lib.sh"
. "$top_srcdir/tests/packages.sh"
need make dpkg-buildpackage dh lintian readelf
missing=$(dpkg-checkbuilddeps "$top_srcdir/packaging/debian/control" 2>&1) ||
  skip_all "$missing"

package='collectd-camb-task'
version=$(newest_version)
deb=$top_builddir/deb/${package}_${version}_$(dpkg --print-architecture).deb
root=$work/root # the package's files, unpacked
doc=usr/share/doc/$package
drop_in=/etc/collectd/collectd.conf.d/camb_task.conf
state=/var/lib/collectd/camb_task.state

# --- What is made ----------------------------------------------------------------

makes() { make -C "$top_builddir" "$@" >"$work/make.log" 2>&1; }
ok "make deb" makes deb
ok "makes a package of this version for this machine" test -e "$deb"
[ -e "$deb" ] || done_testing
is "says where the package is" "$(sed -n 's/^The package is //p' "$work/make.log")" \
  "${deb#"$top_builddir/"}"
ok "it has run the unit tests" grep -qx '# PASS: *[1-9][0-9]*' "$work/make.log"
ok "lintian finds nothing" prints "" \
  lintian --allow-root --tag-display-limit 0 "${deb%.deb}.changes"

depends() { dpkg-deb -f "$deb" Depends | tr -d ' ' | tr , '\n' | grep -E "^($1)" | sort; }
is "it needs the collectds it is for" "$(depends collectd-core)" \
  'collectd-core(<<6~)
collectd-core(>=5.12)'
is "and its libraries, in their versions" \
  "$(depends 'libc6|libcurl|libjson-c' | sed -E 's/^([a-z-]*).*\(>=[0-9.]+\)$/\1/')" \
  'libc
libcurl
libjson-c'

mkdir "$root"
dpkg-deb --fsys-tarfile "$deb" >"$work/files.tar"
tar -xp -C "$root" -f "$work/files.tar"
is "it has the plugin, the page, the documents, the examples and the drop-in" \
  "$(files_below "$root" .)" \
  ".$drop_in
./usr/lib/collectd/camb_task.so
./$doc/NEWS
./$doc/README.md
./$doc/changelog.gz
./$doc/copyright
$(files_below "$top_srcdir" examples ! -name 'quickstart*' | sed "s,^,./$doc/,")
./usr/share/man/man5/collectd-camb_task.5.gz"
is "scripts can be run, all else read" \
  "$(cd "$root" && find . -type f ! -perm 644 -printf '%m %p\n' | sort)" \
  "$(cd "$top_srcdir" && find examples -type f -perm -100 ! -name 'quickstart*' \
    -printf "755 ./$doc/%p\n" | sort)"
is "by everybody" "$(find "$root" -type d ! -perm 755)" ""
is "all of it is root's" \
  "$(tar -tv --numeric-owner -f "$work/files.tar" | awk '$2 != "0/0"')" ""
is "the drop-in alone is a conffile" "$(dpkg-deb -I "$deb" conffiles)" "$drop_in"
is "nothing knows where it was made" \
  "$(grep -rlF -e "$top_builddir" -e "$top_srcdir" "$root")" ""

# --- The documents, and the drop-in ------------------------------------------------

is "the README's links work" "$(broken_links "$root/$doc/README.md")" ""
is "alerts link to it" \
  "$(alerts_link_to "$root/$doc")" "file:///$doc/README.md"

changelog=$(zcat "$root/$doc/changelog.gz")
is "the changelog has NEWS' versions" \
  "$(sed -n "s/^$package (\(.*\)) .*/\1/p" <<<"$changelog")" \
  "$(grep -Eo '^[0-9]+(\.[0-9]+)+' "$top_srcdir/NEWS")"
is "and its date" "$(dpkg-parsechangelog -l- -S Timestamp <<<"$changelog")" \
  "$(date -u -d "$(newest_date)" +%s)"
two_versions() {
  awk -v maintainer='A <a@b.invalid>' \
    -f "$top_srcdir/packaging/debian/changelog.awk" <<'EOF'
What changes.

1.10.0 (2027-02-03)

- More
  than before.
- Better.

1.9.0 (2026-12-24)

- Less.
EOF
}
is "a changelog has the words of NEWS" "$(two_versions)" \
  "$package (1.10.0) unstable; urgency=medium

  * More
    than before.
  * Better.

 -- A <a@b.invalid>  Wed, 03 Feb 2027 00:00:00 +0000

$package (1.9.0) unstable; urgency=medium

  * Less.

 -- A <a@b.invalid>  Thu, 24 Dec 2026 00:00:00 +0000"

is "the copyright is that of the license" \
  "$(sed -n 's/^Copyright: //p' "$root/$doc/copyright")" \
  "$(sed -n 's/^Copyright (c) //p' "$top_srcdir/LICENSE")"
is "and its words" \
  "$(sed '1,/^License: Expat$/d; s/^ //; s/^\.$//' "$root/$doc/copyright")" \
  "$(sed '1,/^Copyright/d' "$top_srcdir/LICENSE" | sed 1d)"

is "all of the drop-in is a comment" "$(grep -v '^#' "$root$drop_in")" ""
without_comments() { sed '/^ *#/d; /^$/d'; }
is "below its marks it is the example" \
  "$(sed 's/^#//' "$root$drop_in" | without_comments)" \
  "$(without_comments <"$top_srcdir/examples/camb_task.conf")"

# --- The plugin ------------------------------------------------------------------

module=$root/usr/lib/collectd/camb_task.so
of_module() { readelf -W "$@" "$module"; }
ok "what it calls is looked up at once" grep -q BIND_NOW <<<"$(of_module -d)"
ok "and then can't be changed" grep -q GNU_RELRO <<<"$(of_module -l)"
ok "its stack is protected" grep -q __stack_chk_fail <<<"$(of_module --dyn-syms)"
ok "and its buffers" grep -q '__[a-z]*printf_chk' <<<"$(of_module --dyn-syms)"

# --- On this machine -------------------------------------------------------------

known_to_dpkg() {
  dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null |
    grep -vx not-installed
}

# Of the package, or of what would be in its way.
traces() {
  local path
  find /etc /usr /var -xdev -name '*camb[-_]task*' 2>/dev/null
  tar -tf "$work/files.tar" | while read -r path; do
    [ ! -e "/$path" ] || echo "$path"
  done
}
why_not_here() {
  [ "$(id -u)" -eq 0 ] || echo "only root can do that"
  is_installed collectd-core || echo "Debian's collectd-core is not installed"
  known_to_dpkg | sed 's/^/dpkg knows one already: /'
  find /usr/lib/collectd/camb_task.so "$drop_in" "$drop_in.disabled" \
    "$state" "$state".* 2>/dev/null | sed 's/$/ is there already/'
}
why=$(why_not_here | head -n 1)
if [ -n "$why" ]; then
  not_tested "apt installs it" "$why"
  done_testing
fi

# Whatever becomes of this test, and of the package.
leave() {
  trap - EXIT
  [ -z "${daemon:-}" ] || stop_collectd
  dpkg --purge "$package" >/dev/null 2>&1
  rm -f "$drop_in.disabled" "$state" "$state".*
  clean_up
}
trap leave EXIT

# Nothing has to go for it, no service is restarted; and nothing comes with it,
# since what was needed to build it has all that it depends on.
apt() {
  DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
    apt-get -y -o DPkg::Lock::Timeout="$PATIENCE" "$@" </dev/null \
    >>"$work/apt.log" 2>&1
}
apt_installs() { apt --no-install-recommends --no-remove install "$deb"; }

# The system's daemon, with its own ideas of where things are, reads the drop-in
# as it does in Debian's collectd.conf.
collectd=/usr/sbin/collectd
cat >"$work/collectd.conf" <<EOF
Hostname "e2e"
FQDNLookup false
PIDFile "$work/collectd.pid"
LoadPlugin logfile
<Plugin logfile>
  File "$work/collectd.log"
  LogLevel debug
  Timestamp false
  PrintSeverity true
</Plugin>
LoadPlugin unixsock
<Plugin unixsock>
  SocketFile "$work/socket"
</Plugin>
<Include "${drop_in%/*}">
  Filter "camb_task*.conf"
</Include>
EOF
starts() { restart_collectd && log_has 'Initialization complete'; }
says_nothing_of_it() { ! grep -i camb "$work/collectd.log"; }

traces >"$work/traces.before"
ok "apt installs it" apt_installs
ok "collectd starts as before" starts
ok "without it" says_nothing_of_it
stop_collectd
if command -v mman >/dev/null; then # mandoc's man, as Debian calls it
  is "man finds the page" "$(mman -w 5 collectd-camb_task 2>/dev/null)" \
    /usr/share/man/man5/collectd-camb_task.5.gz
else
  not_tested "man finds the page" "mandoc is not installed"
fi

# What the drop-in says to do; then for the simulator instead of the API.
start_simulator <<'EOF'
task 660945d2-6a54-4b8b-8295-aa08f3d432d7 success=1
EOF
(umask 077 && echo test-key >"$work/camb.key")
ok "the drop-in's own command takes off its marks" \
  bash -c "$(sed -n 's/^## *\(sed -i .*\)/\1/p' "$drop_in")"
sed -i "s,.*APIKeyFile .*/camb\.key.*,URL \"$api_url\"\nAPIKeyFile \"$work/camb.key\"," \
  "$drop_in"
cp "$drop_in" "$work/drop_in"
ok "collectd starts with it" starts
ok "and has its values" wait_for value_is camb_task-trailer-fr/gauge-status 0
stop_collectd
ok "the plugin said nothing bad" not log_has '^\[(warning|error)\] camb_task'
ok "it kept its state" test -s "$state"

ok "apt removes it" apt remove "$package"
ok "collectd starts without it, for all that the drop-in was in force" starts
ok "and says nothing of it" says_nothing_of_it
stop_collectd
ok "its state is kept" test -s "$state"

ok "apt installs it again" apt_installs
ok "the drop-in is as it was" cmp "$work/drop_in" "$drop_in"
ok "collectd starts with it" starts
ok "and has its values again" wait_for value_is camb_task-trailer-fr/gauge-status 0
stop_collectd

ok "apt removes it once more" apt remove "$package"
ok "and purges it" apt purge "$package"
is "dpkg knows nothing of it" "$(known_to_dpkg)" ""
traces >"$work/traces.after"
is "nothing is left" "$(diff "$work/traces.before" "$work/traces.after")" ""

done_testing
