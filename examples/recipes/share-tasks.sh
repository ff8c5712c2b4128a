#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Cuts out of a list of tasks the part that one of several collectds follows: for
# several-collectds.conf. See usage below.
set -euo pipefail
export LC_ALL=C # what the task belongs to must not depend on the machine

usage() {
  cat <<'EOF'
Usage: share-tasks.sh LIST PART/PARTS FILE

Writes to FILE, a collectd's TaskFile, the lines of LIST that are the part PART of
PARTS, such as 2/3. A task's part depends on its ID alone: every task belongs to
exactly one part, and stays there when others come and go. Comments and empty
lines go with part 1.

FILE is replaced as a whole, and only if something has changed; so this can run
from cron every minute. When LIST can't be read, FILE stays as it is.
EOF
}

settled=10 # seconds, after which nobody is still writing a list's last line

fail() {
  printf 'share-tasks: %s\n' "$*" >&2
  exit 1
}

# The lines of standard input that belong to a part.
lines_of() {
  awk -v part="$1" -v parts="$2" '
    BEGIN { for (i = 1; i < 256; i++) code[sprintf("%c", i)] = i }
    function part_of(id,   i, sum) {
      for (i = 1; i <= length(id); i++)
        sum = (sum * 31 + code[substr(id, i, 1)]) % 16777213
      return sum % parts + 1
    }
    {
      id = $0
      sub(/^[ \t\r\v\f]+/, "", id)
      sub(/[ \t\r\v\f].*/, "", id)
    }
    (id == "" || id ~ /^#/ ? 1 : part_of(id)) == part'
}

# Whether the list ends in a line that somebody is just writing.
is_unfinished() {
  [ -s "$1" ] && [ "$(tail -c 1 -- "$1" | wc -l)" -eq 0 ] &&
    [ -n "$(find -L "$2" -newermt "-$settled seconds")" ]
}

case "${1:-}" in
-h | --help)
  usage
  exit 0
  ;;
esac
if [ "$#" -ne 3 ] || ! [[ $2 =~ ^([1-9][0-9]{0,2})/([1-9][0-9]{0,2})$ ]]; then
  usage >&2
  exit 2
fi
part=${BASH_REMATCH[1]} parts=${BASH_REMATCH[2]} file=$3
[ "$part" -le "$parts" ] || fail "there is no part $part of $parts"
{ [ -f "$1" ] && [ -r "$1" ]; } || fail "$1 can't be read"
[ ! -d "$file" ] || fail "$file is a directory"

new=$(mktemp -- "$file.XXXXXXXX") || fail "nothing can be written beside $file"
trap 'rm -f -- "$new" "$new.list"' EXIT
cat <"$1" >"$new.list" # what is read twice must not change meanwhile
! is_unfinished "$new.list" "$1" || sed -i '$d' "$new.list"
lines_of "$part" "$parts" <"$new.list" >"$new"
cmp -s -- "$new" "$file" || {
  chmod '=rw' -- "$new" # as other new files, not for the owner alone
  mv -f -- "$new" "$file"
}
