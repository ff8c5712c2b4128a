#!/bin/bash
# SPDX-License-Identifier: MIT
# The recipes for Prometheus, of one collectd and of several, by a real one with
# the configuration that they name.
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "${0%/*}/lib.sh"
. "${0%/*}/recipes.sh"
need "$collectd" collectdctl prometheus curl jq awk

# found N EXPRESSION: Prometheus has that number of results.
found() { [ "$(query "$2" | jq length)" = "$1" ]; }

# number EXPRESSION: its value
number() { query "$1" | jq -r '.[0].value[1]'; }

statuses='collectd_camb_task_gauge{type="status"}'
statuses_of() { printf '%s' "${statuses%\}},instance=\"$1\"}"; }

# --- prometheus.conf ---------------------------------------------------------

start_simulator <<'END'
task 660945d2-6a54-4b8b-8295-aa08f3d432d7
task 0d9a3c1e-52b7-4e63-a1c8-7f5b2d90e4aa error=SOURCE_TOO_LONG
task 5f0c7a52-3c57-4c0e-9a0f-5f6a1f0b2c11 timeout
END
echo '5f0c7a52-3c57-4c0e-9a0f-5f6a1f0b2c11 podcast-ja' >"$work/camb.tasks"
port=$(free_port)
start_recipe watcher prometheus.conf -e "s/\"9103\"/\"$port\"/" \
  -e "s,/var/lib/collectd/camb.tasks,$work/camb.tasks,"
start_prometheus "$port"
ok "Prometheus has every task" wait_for found 3 "$statuses"
is "under collectd's host name" \
  "$(query "$statuses" | jq -r '[.[].metric.instance] | unique | join(" ")')" watcher
is "the failed ones are found as the recipe says" "$(query "$statuses >= 2" |
  jq -r '[.[].metric.camb_task] | sort | join(" ")')" "keynote-de podcast-ja"
: >"$work/camb.tasks"
ok "one that is no longer listed is gone" wait_for found 2 "$statuses"
end_process "$recipe"
end_process "$prometheus"
is "the README's command takes of it what is for any configuration" "$(
  cd "$top_srcdir" &&
    eval "$(sed -n 's/^    \(sed .*prometheus\.conf\) \\$/\1/p' README.md)" |
    grep -v '^ *#'
)" 'LoadPlugin write_prometheus

<Plugin write_prometheus>
  Host "127.0.0.1"
  Port "9103"
</Plugin>'

# --- share-tasks.sh ----------------------------------------------------------

share=$top_srcdir/examples/recipes/share-tasks.sh
list=$work/all.tasks

# The same IDs in each run.
awk 'BEGIN {
  srand(1)
  for (i = 1; i <= 300; i++)
    printf "%04x%04x-%04x-4%03x-8%03x-%04x%04x%04x task-%d\n", rand() * 65536,
      rand() * 65536, rand() * 65536, rand() * 4096, rand() * 4096,
      rand() * 65536, rand() * 65536, rand() * 65536, i
}' >"$list"
{
  cat "$list"
  printf '%s\n' '# a comment' '' $'\tno-uuid type=dub' 'no-uuid-2 name # why' \
    $'\xfc-is-no-UTF-8 name'
} >"$work/mixed.tasks"

smallest_part() {
  local part
  for part in "$work"/part.*; do wc -l <"$part"; done | sort -n | head -n 1
}
for parts in 1 2 3 7; do
  rm -f "$work"/part.*
  for ((i = 1; i <= parts; i++)); do
    "$share" "$work/mixed.tasks" "$i/$parts" "$work/part.$i"
  done
  ok "of $parts parts, each line is in exactly one" cmp -s \
    <(LC_ALL=C sort "$work"/part.*) <(LC_ALL=C sort "$work/mixed.tasks")
  ok "and none is small" at_least $((150 / parts)) smallest_part
done

part=$work/part.1 # of 7
before=$(stat -c %i "$part")
"$share" "$work/mixed.tasks" 1/7 "$part"
is "without a change the file stays as it is" "$(stat -c %i "$part")" "$before"
cp "$part" "$work/part.before"
sed -n 's/ .*/ renamed/; 100,250p' "$list" | sort >"$work/some.tasks"
"$share" "$work/some.tasks" 1/7 "$part"
ok "with one it is another file, so nobody reads half of it" \
  test "$(stat -c %i "$part")" != "$before"
ok "others can read it as they can other new files" \
  prints "$(: >"$work/new" && stat -c %a "$work/new")" stat -c %a "$part"
is "while others go, a task stays in its part" "$(
  cut -d ' ' -f 1 "$part" | grep -vc -f - "$work/part.before"
)" "$(($(wc -l <"$work/part.before") - $(wc -l <"$part")))"

cp "$part" "$work/part.before"
not_shared() { ! "$share" "$@" "$part" 2>"$work/share.out"; }
ok "a list that can't be read is an error" not_shared "$work/missing" 1/7
ok "which says so" grep -q "^share-tasks: .*/missing can't be read$" "$work/share.out"
ok "so is part 3 of 2" not_shared "$list" 3/2
ok "and no part at all" not_shared "$list" half
ok "and they leave the file alone" cmp -s "$part" "$work/part.before"
printf 'whole one\nhal' >"$work/growing.tasks"
"$share" "$work/growing.tasks" 1/1 "$part"
is "a line that is being written is left out" "$(cat "$part")" "whole one"
touch -d '-1 minute' "$work/growing.tasks"
"$share" "$work/growing.tasks" 1/1 "$part"
is "one that was left so is taken" "$(tail -n 1 "$part")" hal
is "nothing is left behind" "$(find "$work" -name 'part.?.*' | wc -l)" 0

# --- several-collectds.conf --------------------------------------------------

sed -i '41,$d' "$list"
sed 's/^\([^ ]*\) .*/task \1/' "$list" | simulate
share() {
  "$share" "$list" 1/2 "$work/one.tasks"
  "$share" "$list" 2/2 "$work/two.tasks"
}
share
daemons=()
for host in one two; do
  port=$(free_port)
  ports+=("$port")
  start_recipe "$host" several-collectds.conf \
    -e 's/"0.0.0.0"/"127.0.0.1"/' -e "s/\"9103\"/\"$port\"/" \
    -e "s,/var/lib/collectd/camb-share.tasks,$work/$host.tasks,"
  daemons+=("$recipe")
done
start_prometheus "${ports[@]}"

ok "Prometheus has each task of the list, once" wait_for found 40 "$statuses"
is "none twice" "$(number "max(count by (camb_task) ($statuses))")" 1
is "half of them from one" "$(number "count($(statuses_of one))")" \
  "$(wc -l <"$work/one.tasks")"
is "the rest from the other" "$(number "count($(statuses_of two))")" \
  "$(wc -l <"$work/two.tasks")"
is "the sum is that of all" \
  "$(number 'sum by (type) (collectd_camb_api_count{type="pending"})')" 40
echo '0c1f4d0e-7d1c-4a55-9d8e-2f3d9f3b8a11 new' >>"$list"
simulate <<<'task 0c1f4d0e-7d1c-4a55-9d8e-2f3d9f3b8a11 error=SOURCE_TOO_LONG'
share
ok "a task that is added is there" \
  wait_for found 1 'collectd_camb_task_gauge{type="status",camb_task="new"} == 2'
is "with all others" "$(number "count($statuses)")" 41
ok "without a restart" kill -0 "${daemons[@]}"

done_testing
