#!/bin/bash
# SPDX-License-Identifier: MIT
# The files of examples/prometheus: that their programs take them, that each
# alert fires when it should and not when it should not, and that what its link
# leads to is there.
# shellcheck source=e2e/lib.sh
. "${0%/*}/e2e/lib.sh"
need promtool

readme=$top_srcdir/README.md
files=$top_srcdir/examples/prometheus
rules=$files/camb_task.rules.yml
tests_dir=$top_srcdir/tests

# silently COMMAND...: what it says is only worth reading if it fails.
silently() {
  "$@" >"$work/said" 2>&1 || {
    note "$(cat "$work/said")"
    return 1
  }
}
ok "promtool takes the rules" silently promtool check rules "$rules"
ok "promtool takes prometheus.yml" silently promtool check config "$files/prometheus.yml"
if command -v amtool >/dev/null; then
  ok "amtool takes alertmanager.yml" silently amtool check-config "$files/alertmanager.yml"
else
  not_tested "amtool takes alertmanager.yml" "amtool is not installed"
fi
ok "the alerts fire when they should" silently \
  promtool test rules "$tests_dir/prometheus_rules.test.yml"
ok "and in the course of a day" silently \
  promtool test rules "$tests_dir/prometheus_rules_day.test.yml"

# --- The alerts, and what is said of them elsewhere ---------------------------

# alerts: "NAME SEVERITY LINK" of each
alerts() {
  awk '
    $1 == "-" && $2 == "alert:" { name = $3; severity = "none" }
    $1 == "severity:" { severity = $2 }
    $1 == "runbook_url:" { print name, severity, $2; name = "nothing" }
  ' "$rules" | sort
}
# in_section HEADING: what stands in the README below it, to the next such one
in_section() {
  awk -v heading="$1" '
    inside && /^##?#? / { exit }
    inside
    $0 == heading { inside = 1 }
  ' "$readme"
}
names=$(alerts | cut -d ' ' -f 1)
ok "there are alerts" test "$(wc -l <<<"$names")" -ge 7
is "each alert has a link" "$(grep -c '^ *- alert:' "$rules")" "$(wc -l <<<"$names")"
is "it leads to the alert's own heading in the README" \
  "$(alerts | cut -d ' ' -f 3)" \
  "$(sed 's,.*,file:///usr/local/share/doc/camb_task/README.md#\L&,' <<<"$names")"
is "the runbook has these headings, and no other" \
  "$(in_section '### Runbook' | sed -n 's/^#### //p' | sort)" "$names"
is "the README's table has each alert with its severity" \
  "$(in_section '### Prometheus' | sed -n 's/^| `\(Camb[A-Za-z]*\)` | \([a-z]*\) |.*/\1 \2/p' | sort)" \
  "$(alerts | cut -d ' ' -f 1,2)"
is "each severity is one of two" \
  "$(alerts | cut -d ' ' -f 2 | sort -u | tr '\n' ' ')" "critical warning "

# Where the links lead is where README.md is installed by default.
ok "the README is installed where the links lead" grep -q \
  '^docdir = ${datarootdir}/doc/${PACKAGE_TARNAME}$' "$top_builddir/Makefile"
# The command at the head of the rules.
cp "$rules" "$work"
(cd "$work" && eval "$(sed -n 's/^# *\(sed -i .*\)/\1/p' "$rules")")
is "one command makes all links others" \
  "$(grep -c 'runbook_url: https://wiki.example.com/camb_task#' "$work/camb_task.rules.yml")" \
  "$(wc -l <<<"$names")"

is "a message is repeated after a day, as the README says" \
  "$(sed -n 's/^ *repeat_interval: //p' "$files/alertmanager.yml")" 24h
# What the muting names are alerts.
is "alertmanager.yml names no alert that is not there" "$(
  grep -o 'Camb[A-Z][A-Za-z]*' "$files/alertmanager.yml" | sort -u |
    comm -23 - <(echo "$names")
)" ""

done_testing
