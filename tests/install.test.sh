#!/bin/bash
# SPDX-License-Identifier: MIT
# What "make install" puts where, and that "make uninstall" takes it away.
# shellcheck source-path=SCRIPTDIR
. "${0%/*}/e2e/lib.sh"
need make

stage=$work/stage
staged_make() {
  make -s -C "$top_builddir" "$1" "DESTDIR=$stage" \
    plugindir=/plugins docdir=/doc mandir=/man >"$work/make.log" 2>&1
}
mode() { stat -c %a "$1"; }

ok "make install" staged_make install
is "installs the plugin, the page, the README, the news, the license and the examples" \
  "$(files_below "$stage" .)" \
  "./doc/LICENSE
./doc/NEWS
./doc/README.md
$(files_below "$top_srcdir" examples ! -name 'quickstart*' | sed 's,^,./doc/,')
./man/man5/collectd-camb_task.5
./plugins/camb_task.so"

wrong_modes() {
  local file
  for file in $(files_below "$stage/doc" examples); do
    if [ -x "$top_srcdir/$file" ]; then
      [ "$(mode "$stage/doc/$file")" = 755 ] || echo "$file"
    else
      [ "$(mode "$stage/doc/$file")" = 644 ] || echo "$file"
    fi
  done
}
is "scripts can be run" "$(mode "$stage/doc/examples/track-setup.sh")" 755
is "each example has its mode" "$(wrong_modes)" ""

is "alerts link to the README where it is installed" \
  "$(alerts_link_to "$stage/doc")" file:///doc/README.md

ok "the README has links" grep -q '](examples/' "$stage/doc/README.md"
is "and all of them work where it is installed" "$(broken_links "$stage/doc/README.md")" ""

if command -v mman >/dev/null; then # mandoc's man, as Debian calls it
  shown() { mman -M "$stage/man" 5 collectd-camb_task 2>&1 | grep -c 'CAMB.AI API'; }
  ok "man shows the page" at_least 1 shown
else
  not_tested "man shows the page" "mandoc is not installed"
fi

ok "make uninstall" staged_make uninstall
is "leaves no file" "$(find "$stage" -type f)" ""
ok "and no directory of its own" not test -e "$stage/doc"

done_testing
