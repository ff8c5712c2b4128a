#!/bin/bash
# SPDX-License-Identifier: MIT
# The rooms of src/ see of each other and of the libraries what they should, and
# no more: how the house stays as the README's "How it is built" shows it.
# shellcheck source-path=SCRIPTDIR
. "${0%/*}/e2e/lib.sh"
need cc tsort

cd "$top_srcdir/src" || exit 1
sources=(*.[ch])
headers=(*.h)
ok "there are sources" test "${#sources[@]}" -gt 50

# including WHAT: the files that include a header whose name begins so.
including() { grep -lE "^ *#include [<\"]$1" "${sources[@]}" | tr '\n' ' '; }

is "collectd is seen by the configuration, by what gives it values and \
notifications, and by the entry" "$(including 'collectd_headers\.h')" \
  "account_options.c camb_task.c configuration.c emitter.c notifier.c "
is "its headers are named in one place" \
  "$(including '(collectd/|plugin\.h)')" "collectd_headers.h "
is "libcurl is seen by the HTTP client alone" \
  "$(including curl/)" "http_client.c http_url.c "
is "json-c is seen by what reads answers and by the state file alone" \
  "$(including json-c/)" \
  "json_reader.c result_decoder.c state_file.c state_line.c status_decoder.c "

# What the tracker is made of is told the time, waits for nothing, and touches
# no file.
pure=(account_health back_off due_queue known_tasks outcome snapshot task
  task_state tracker trouble)
is "the tracker has no clock, no thread, no disk and no network in it" \
  "$(grep -nE 'moment_now|clock_gettime|\btime\(|pthread|stdio\.h|unistd\.h|fcntl\.h' \
    "${pure[@]/%/.c}")" ""

# "a b" for each file of a's that includes one of b's
includes() {
  local file
  for file in "${sources[@]}"; do
    sed -n 's/^#include "\([a-z0-9_]*\)\.h".*/\1/p' "$file" |
      sed "s/^/${file%.*} /"
  done | awk '$1 != $2'
}
includes >"$work/includes"
ok "the sources include each other" test -s "$work/includes"
is "includes go one way" "$(tsort "$work/includes" 2>&1 >/dev/null)" ""

# With no library's flags: that would be a way for it to be seen.
stands_alone() {
  cc -std=gnu11 -D_GNU_SOURCE -Wall -Werror -fsyntax-only \
    -include "$1" -x c /dev/null
}
for header in "${headers[@]}"; do
  [ "$header" = collectd_headers.h ] || ok "$header stands alone" stands_alone "$header"
done

done_testing
