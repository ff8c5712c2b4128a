#!/bin/bash
# SPDX-License-Identifier: MIT
# The recipes that need nothing but collectd, and that every recipe is tested.
# shellcheck source-path=SCRIPTDIR
. "${0%/*}/lib.sh"
. "${0%/*}/recipes.sh"
need "$collectd" collectdctl curl jq

recipes=$top_srcdir/examples/recipes

untested() {
  local file
  for file in "$recipes"/*.conf; do
    grep -Eq "^ *start_recipe [^ ]+ ${file##*/}( |\$)" "${0%/*}"/recipe*.test.sh ||
      echo "${file##*/}"
  done
}
is "every recipe has its test" "$(untested)" ""
not_in_readme() {
  local file
  for file in "$recipes"/*; do
    grep -qF "(examples/recipes/${file##*/})" "$top_srcdir/README.md" ||
      echo "${file##*/}"
  done
}
is "and its place in the README" "$(not_in_readme)" ""

# --- minimal.conf, two-accounts.conf -----------------------------------------

printf 'emea-key\n' >"$work/camb-emea.key"
printf 'apac-key\n' >"$work/camb-apac.key"
chmod 600 "$work"/*.key
start_simulator --key test-key --key emea-key --key apac-key <<'END'
task 660945d2-6a54-4b8b-8295-aa08f3d432d7
task 0d9a3c1e-52b7-4e63-a1c8-7f5b2d90e4aa success=2
task 1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed error=SOURCE_TOO_LONG
task 5f0c7a52-3c57-4c0e-9a0f-5f6a1f0b2c11 timeout
END

start_recipe minimal minimal.conf
ok "minimal: the task is followed" \
  wait_for prints 1 value_at minimal camb_task-trailer-fr/gauge-status
end_process "$recipe"
ok "with its key" at_least 1 counted '.keys_seen[0]'
is "and no other" "$(counted '.keys_seen[1] + .keys_seen[2]')" 0

echo '5f0c7a52-3c57-4c0e-9a0f-5f6a1f0b2c11 podcast-ja' >"$work/apac.tasks"
start_recipe accounts two-accounts.conf \
  -e "s,/var/lib/collectd/camb-apac.tasks,$work/apac.tasks,"
while read -r name status; do
  ok "two accounts: $name is $status" \
    wait_for prints "$status" value_at accounts "camb_task-$name/gauge-status"
done <<'END'
emea-trailer-fr 1
emea-keynote-de 0
apac-trailer-fr 2
apac-podcast-ja 3
END
is "no others" "$(identifiers_at accounts '/camb_task-.*/gauge-status$')" 4
ok "each account has its counts" \
  wait_for prints 1 value_at accounts camb_api-emea/count-success
is "the other its own" "$(value_at accounts camb_api-apac/count-timeout)" 1
ok "one key was for one of them" at_least 2 counted '.keys_seen[1]'
ok "the other for the other" at_least 2 counted '.keys_seen[2]'
end_process "$recipe"

# --- many-tasks.conf ---------------------------------------------------------

# The times are shortened: what they are is tested elsewhere, here it is that the
# recipe's file is taken as it is.
simulate <<'END'
many endless 150
many done 50 success=1000
END
for i in {1..150}; do echo "endless-$i"; done >"$work/camb.tasks"
for i in {1..50}; do echo "done-$i"; done >>"$work/camb.tasks"
start_recipe many many-tasks.conf \
  -e "s,/var/lib/collectd/camb.tasks,$work/camb.tasks," \
  -e 's/^  ForgetAfter .*/  ForgetAfter 1/' \
  -e 's/^  StalledAfter .*/  StalledAfter 1/'
ok "many tasks: all are in the counts" \
  wait_for prints 150 value_at many camb_api-default/count-pending
ok "those that have ended, too" \
  wait_for prints 50 value_at many camb_api-default/count-success
ok "each has its status" wait_for prints 1 value_at many camb_task-endless-150/gauge-status
is "no task has a state set" "$(identifiers_at many /gauge-state_)" 0
ok "an ended one is forgotten" wait_for not_at many camb_task-done-7
is "and no pending one" "$(identifiers_at many '/camb_task-endless-.*/gauge-status$')" 150
is "but it is counted" "$(value_at many camb_api-default/count-success)" 50
ok "what is pending for long is said" \
  wait_for grep -q 'severity = WARNING, .*, plugin_instance = endless-9,' "$work/many.log"
{ grep -v '^endless-2$' "$work/camb.tasks" && echo endless-2 renamed; } >"$work/camb.tasks.new"
mv "$work/camb.tasks.new" "$work/camb.tasks"
ok "the list may be replaced" \
  wait_for prints 1 value_at many camb_task-renamed/gauge-status
pending_for() { value_at many camb_task-endless-1/duration-elapsed | cut -d . -f 1; }
ok "time passes" wait_for at_least 8 pending_for
asked=$(counted '.tasks."endless-1".requests')
# at the seconds 0, 1, 3, 7, 15, or later
ok "a pending task is asked for less and less often" \
  test $((2 ** (asked - 2))) -le "$(pending_for)"
note "asked for $asked times in $(pending_for) seconds"
end_process "$recipe"

done_testing
