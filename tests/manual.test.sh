#!/bin/bash
# SPDX-License-Identifier: MIT
# The README and the manual page say what the sources do, and so the same, and
# the examples and tests leave nothing out; and the page is a good one. What a running collectd shows is in
# e2e/documentation.test.sh.
# shellcheck source-path=SCRIPTDIR
. "${0%/*}/e2e/lib.sh"
need awk

src=$top_srcdir/src
readme=$top_srcdir/README.md
pod=$src/collectd-camb_task.pod
page=$top_builddir/src/collectd-camb_task.5
[ -e "$page" ] || page=$src/collectd-camb_task.5 # a tarball's

# --- What the documents say ----------------------------------------------------

# The page's source without its formatting codes, each item on one line.
plain=$work/plain
sed -e 's/E<lt>/\x01/g; s/E<gt>/\x02/g' \
  -e ':again; s/[BCFIL]<\([^<>]*\)>/\1/g; t again' \
  -e 'y/\x01\x02/<>/' "$pod" |
  awk '
    /^=/ { printf "\n%s\n", $0; next }
    { printf "%s ", $0 }' >"$plain"

# section MARK TITLE: of the page, with its subsections.
section() {
  awk -v mark="$1" -v heading="=$1 $2" '
    $0 == heading { inside = 1; next }
    /^=head1 / || substr($0, 2, 5) == mark && /^=head/ { inside = 0 }
    inside' "$plain"
}

# The rows of the README's table of options.
readme_rows() {
  awk '/^#/ { inside = ($0 == "### Options") } inside && /^\| `/' "$readme"
}

# Everything, on one line.
text_of() {
  if [ "$1" = readme ]; then
    tr '\n' ' ' <"$readme"
  else
    tr -s '\n ' ' ' <"$plain"
  fi
}

# same WHAT: the function WHAT prints the same for the README, the page and the
# sources, and not nothing.
same() {
  local document
  "$1" source >"$work/$1.source"
  ok "the sources have $1" test -s "$work/$1.source"
  for document in readme manual; do
    "$1" "$document" >"$work/$1.$document"
    ok "the $1 of the $document are those of the sources" \
      same_lines "$work/$1.source" "$work/$1.$document"
  done
}
same_lines() { diff -u "$1" "$2" | sed 's/^/# /'; }

# --- Options -------------------------------------------------------------------

options() {
  case $1 in
  source)
    sed -n 's/^ *[A-Z]*("\([A-Za-z]*\)", [a-z_]*, .*/\1/p' "$src/account_options.c"
    sed -n 's/^ *{"\([A-Za-z]*\)", parse_[a-z_]*},*$/\1/p' "$src/configuration.c"
    grep -o 'item->key, "[A-Za-z]*"' "$src/configuration.c" |
      cut -d '"' -f 2
    ;;
  readme)
    readme_rows | sed -n 's/^| `<*\([A-Z][A-Za-z]*\) ["A-Zt\\].*/\1/p'
    # those inside a task's block
    readme_rows | grep '^| `<Task ' | grep -o '`[A-Z][a-z]*`' | tr -d '`'
    ;;
  manual)
    section head1 CONFIGURATION |
      sed -n 's/^=item <\{0,1\}\([A-Z][A-Za-z]*\) .*/\1/p'
    ;;
  esac | sort -u
}
same options
never_turned() {
  local option
  while read -r option; do
    grep -qw "$option" "$top_srcdir"/tests/e2e/*.test.sh || echo "$option"
  done <"$work/options.source"
}
is "an end-to-end test turns each of them" "$(never_turned)" ""

# "NAME default VALUE" and "NAME range LEAST to MOST", of those that have one.
values() {
  case $1 in
  source)
    awk '
      /^#define [A-Z]+ [0-9]+/ { meaning[$2] = $3 }
      function number(text) { return text in meaning ? meaning[text] : text }
      # KIND("NAME", MEMBER, DEFAULT, and LEAST, MOST or a check)
      /^ *[A-Z]+\("/ {
        sub(/^ */, "")
        split($0, part, /[(), "]+/)
        if (part[4] != "NULL") print part[2], "default", part[4]
        if (part[1] == "INTEGER" || part[1] == "SECONDS")
          print part[2], "range", part[5], "to", number(part[6])
      }' "$src/account_options.c"
    ;;
  readme)
    readme_rows | sed 's/\\|/,/g' | awk -F '|' '
      { split($2, word, /[` <]+/); split($3, value, /[` ]+/) }
      value[2] != "" { print word[2], "default", value[2] }
      match($4, /[0-9.]+ to [0-9]+/) {
        print word[2], "range", substr($4, RSTART, RLENGTH)
      }' | of_the_sources
    ;;
  manual)
    section head1 CONFIGURATION | awk '
      /^=/ { name = $2; next }
      match($0, /Defaults to [^ ]+[.]( |$)/) {
        value = substr($0, RSTART + 12, RLENGTH - 12)
        sub(/[.] *$/, "", value)
        print name, "default", value
      }
      match($0, /[Ff]rom [0-9.]+ to [0-9]+/) {
        print name, "range", substr($0, RSTART + 5, RLENGTH - 5)
      }' | of_the_sources
    ;;
  esac | sort -u
}
# Some have a default in words, such as "the system's".
of_the_sources() {
  awk 'NR == FNR { known[$1] = 1; next } $1 in known' "$work/values.source" -
}
same values

# --- States, meta data, troubles -------------------------------------------------

# "CODE NAME", as gauge-status has them
states() {
  case $1 in
  source)
    sed -n 's/^ *X([A-Z_]*, "\([a-z_]*\)", \(-*[0-9]\),.*/\2 \U\1/p' \
      "$src/task_state.h" | sed 's/UNKNOWN/unknown/'
    ;;
  readme)
    grep '^| `camb_task-N/gauge-status`' "$readme" | sed 's/−/-/g' | numbered
    ;;
  manual)
    section head1 VALUES | grep -A 1 '^=item camb_task-N/gauge-status$' |
      numbered
    ;;
  esac | sort -u
}
numbered() { grep -oE -e '-?[0-9] (unknown|[A-Z_]{2,})'; }
same states

# Of the examples, those that know PAYMENT_REQUIRED tell failed states apart. (A
# scenario is no more than a story.)
telling() {
  grep -rli payment_required --exclude='*.scenario' "$top_srcdir/examples"
}
untold() {
  local file state
  telling | while read -r file; do
    sed -n 's/^ *X([A-Z_]*, "\([a-z_]*\)",.*SEVERITY_FAILURE.*/\1/p' \
      "$src/task_state.h" | while read -r state; do
      grep -qiw "$state" "$file" || echo "$file: $state"
    done
  done
}
ok "examples tell failed states apart" at_least 5 wc -l <<<"$(telling)"
is "and know each of them" "$(untold)" ""

meta_data() {
  case $1 in
  source)
    grep -o '_meta[a-z_]*(notification, "[a-z_]*"' "$src/notifier.c" |
      cut -d '"' -f 2
    ;;
  readme)
    text_of readme | grep -o 'identifier ([^)]*), and as meta data [^.]*' |
      sed 's/.*meta data//' | grep -o '`[a-z_]*`' | tr -d '`'
    ;;
  manual) section head2 'Meta data' | sed -n 's/^=item //p' ;;
  esac | sort -u
}
same meta_data

# The severity of each notification, in their order
severities() {
  if [ "$1" = readme ]; then
    awk '/^\|/ { if (inside) print; inside = inside || /^\| notification / ; next }
      { inside = 0 }' "$readme" | grep -oE '\| (OKAY|WARNING|FAILURE)' | cut -d ' ' -f 2
  else
    section head1 NOTIFICATIONS | sed -n 's/^=item \([A-Z]*\):.*/\1/p'
  fi
}
ok "the README has severities" at_least 5 wc -l <<<"$(severities readme)"
is "the page has the same" "$(severities manual)" "$(severities readme)"

# What is logged of a request that has failed.
troubles() {
  sed -n '/^#define OUTCOMES/,/^$/s/.*"\(.*\)").*/\1/p' "$src/outcome.h" |
    tail -n +2
}
not_in() {
  local text line
  text=$(text_of "$1")
  while read -r line; do
    [[ $text == *"$line"* ]] || echo "$line"
  done
}
ok "the sources have troubles" at_least 10 wc -l <<<"$(troubles)"
is "the README has each trouble" "$(troubles | sed 's/.*/"&"/' | not_in readme)" ""
is "the page has each trouble" "$(troubles | sed 's/^/=item /' | not_in manual)" ""

# And the other way round: nothing is explained that is never logged.
never_logged() {
  local texts line
  texts=$(cat "$src"/*.[ch] | tr '\n' ' ' | sed 's/" *"//g')
  sed -n '/^=head1 DIAGNOSTICS/,/^=head1 EX/s/^=item //p' "$pod" |
    sed 's/I<.*//; s/E<lt>/</; s/E<gt>/>/' | while read -r line; do
    [[ $texts == *"$line"* ]] || echo "$line"
  done
}
is "what the page explains is logged" "$(never_logged)" ""

# --- Limits, and what else has a name --------------------------------------------

# macro NAME [LESS]: a number of the sources.
macro() {
  local number
  number=$(sed -n "s/^#define $1 \([0-9]*\).*/\1/p" "$src"/*.h)
  echo $((number - ${2:-0}))
}
sizes() {
  macro TASK_NAME_MAX
  macro TASK_ID_MAX
  [ "$1" = readme ] && return
  macro TASK_TYPE_MAX
  macro API_KEY_MAX
  macro STATUS_REASON_SIZE 1
  macro STATUS_MESSAGE_SIZE 1
  macro RESULT_NAME_SIZE 1
  macro RESULT_URL_SIZE 1
}
words() {
  sizes "$1" | sed 's/$/ bytes/'
  echo "$(macro STATUS_FIELDS_MAX) for an account"
  sed -n 's/^#define TASK_FILE_MAX ((size_t)\([0-9]*\) \* 1024 \* 1024).*/\1 MiB/p' \
    "$src/task_file.h"
  sed -n 's/^#define API_KEY_VARIABLE "\(.*\)"/\1/p' "$src/configuration.h"
  sed -n 's/^#define [A-Z]*_OPTION "\(.*\)"/\1/p' "$src/task_file.c"
  sed -n 's/.*with_suffix(path, "\(\.[a-z]*\)").*/\1/p' "$src/state_file.c" |
    if [ "$1" = readme ]; then grep damaged; else cat; fi
}
ok "the sources have names and limits" at_least 15 wc -l <<<"$(words manual)"
for document in readme manual; do
  is "the $document has the sources' names and limits" \
    "$(words $document | not_in $document)" ""
done

# --- The page itself -------------------------------------------------------------

if command -v podchecker >/dev/null; then
  is "podchecker finds nothing" \
    "$(podchecker -warnings -warnings "$pod" 2>&1)" "$pod pod syntax OK."
else
  not_tested "podchecker finds nothing" "podchecker is not installed"
fi

if command -v mandoc >/dev/null; then
  is "mandoc finds nothing" "$(mandoc -T lint -W warning "$page")" ""
  mandoc -T ascii "$page" | sed 's/.\x08//g' >"$work/rendered"
  ok "it renders" at_least 300 wc -l <"$work/rendered"
  is "within 80 columns" "$(grep -E '.{81}' "$work/rendered")" ""
  is "without formatting codes" "$(grep -E '[A-Z]<' "$work/rendered")" ""
else
  not_tested "the page renders" "mandoc is not installed"
fi

done_testing
