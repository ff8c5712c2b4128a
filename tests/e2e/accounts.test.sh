#!/bin/bash
# SPDX-License-Identifier: MIT
# Several accounts in one collectd: their keys, names, options and counts, and
# that none disturbs another.
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "${0%/*}/lib.sh"
need "$collectd" collectdctl curl jq

export VALUE_TIMEOUT=40 INTERVAL=0.25
unset CAMB_API_KEY

# seen N: how many requests brought the Nth accepted key
seen() { counted ".keys_seen[$1]"; }

# account_notifications NAME SEVERITY: how many there were
account_notifications() { notifications "$1" | grep -c "^$2 "; }

# --- Keys, names, defaults, counts -------------------------------------------

start_simulator --key key-one --key key-two <<'EOF'
task same
task done success=1
task fails error=UNKNOWN_ERROR
task broke payment_required
task slow timeout
EOF
printf 'key-two\n' >"$work/two.key"
printf 'key-three\n' >"$work/three.key"
chmod 600 "$work"/*.key

start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "http://127.0.0.1:$(free_port)/apis"
  <Account "early">
    APIKey "key-one"
    Task "same"
  </Account>
  URL "$api_url"
  APIKey "key-one"
  MaxErrorInterval 1
  StateSet false
  <Account "one">
    Task "same"
    Task "done" "the name"
    Task "missing"
  </Account>
  <Account "two">
    StateSet true
    APIKeyFile "$work/two.key"
    Task "same"
    Task "fails"
    Task "broke"
    Task "slow"
  </Account>
  <Account "three">
    APIKeyFile "$work/three.key"
    Task "same"
  </Account>
</Plugin>
EOF

ok "a task has its account's name before its own" \
  wait_for value_is camb_task-one-same/gauge-status 1
ok "the same ID may be in another account" \
  wait_for value_is camb_task-two-same/gauge-status 1
ok "a name too gets the prefix" wait_for value_is "camb_task-one-the name/gauge-status" 0
ok "a key file takes the place of an inherited key" \
  wait_for value_is camb_api-two/gauge-up 1
ok "each account has its key" at_least 1 seen 0
ok "the second its own" at_least 1 seen 1
is "the task is asked for by both" \
  "$(("$(counted .tasks.same.requests)" >= 2))" 1
ok "options before the block are its defaults" \
  not has_value camb_task-one-same/gauge-state_pending
ok "the block's own come first" has_value camb_task-two-same/gauge-state_pending
ok "options after the block are not its defaults" \
  wait_for value_is camb_api-early/gauge-up 0
ok "it asked in the wrong place" at_least 1 requests network early
ok "a wrong key of one account is refused" wait_for value_is camb_api-three/gauge-up 0
is "and counted for it" "$(requests ok three)" 0
is "not for the others" "$(requests unauthorized one)$(requests unauthorized two)" 00
ok "which are up" value_is camb_api-one/gauge-up 1

ok "rounds go on" rounds_pass 12
while read -r account counts; do
  is "counts of $account: unknown, pending, success, error, timeout, payment" "$(
    for state in unknown pending success error timeout payment_required; do
      value "camb_api-$account/count-$state"
    done | tr -d '\n'
  )" "$counts"
done <<'EOF'
early 100000
one 111000
two 010111
three 100000
EOF
is "no task outside an account, no account default" \
  "$(identifiers | grep -c camb_api-default)" 0
is "no name without a prefix" \
  "$(identifiers | grep camb_task- | grep -Evc 'camb_task-(early|one|two|three)-')" 0
ok "notifications have the prefix" wait_for prints \
  "OKAY Task one-the name is SUCCESS, run 1, ID done" notifications "one-the name"
ok "FAILURE is of its account's task" \
  wait_for prints 1 account_notifications two-fails FAILURE
ok "troubles are of their accounts" \
  logged 1 'task "one-missing" \(ID missing\): the API does not know the task'
stop_collectd

# --- Keys that take the place of others --------------------------------------

start_simulator --key key-one --key key-two <<<'task same'
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKeyFile "$work/missing.key"
  Task "same"
  <Account "direct">
    APIKey "key-one"
    Task "same"
  </Account>
  <Account "file">
    APIKeyFile "$work/two.key"
    Task "same"
  </Account>
</Plugin>
EOF
ok "a key takes the place of an inherited key file" \
  wait_for value_is camb_task-direct-same/gauge-status 1
ok "a key file takes the place of another" \
  wait_for value_is camb_task-file-same/gauge-status 1
ok "tasks outside an account belong to default, without a prefix" \
  wait_for value_is camb_task-same/gauge-status -1
ok "its key file is missing" value_is camb_api-default/gauge-up 0
ok "which is said of it alone" logged 1 'key file .*missing'
stop_collectd

# --- A key that is rejected, and accepted later ------------------------------

start_simulator --key key-B <<<'many task 4'
simulate <<<'many other 4'
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  MaxErrorInterval 1
  <Account "A">
    APIKey "key-A"
    $(for i in {1..4}; do echo "Task \"task-$i\""; done)
  </Account>
  <Account "B">
    APIKey "key-B"
    $(for i in {1..4}; do echo "Task \"other-$i\""; done)
  </Account>
</Plugin>
EOF
ok "FAILURE when the key is rejected" \
  wait_for prints "FAILURE Account A: the API rejects the key" notifications A
ok "the other account is up" wait_for value_is camb_api-B/gauge-up 1
ok "rounds go on" rounds_pass 30
is "FAILURE comes once" "$(notifications A)" "FAILURE Account A: the API rejects the key"
ok "it is logged once" logged 1 'account "A": the API rejects the key, at first for'
is "the account is not up" "$(value camb_api-A/gauge-up)" 0
is "the other one is not disturbed" "$(value camb_api-B/gauge-up)" 1
is "its tasks are known" "$(value camb_api-B/count-pending)" 4
is "its requests all end well" "$(requests unauthorized B)" 0
ok "nobody is notified of it" not notified B

simulate <<'EOF'
key key-A
key key-B
EOF
ok "OKAY when the key is accepted" \
  wait_for prints 1 account_notifications A OKAY
ok "the account is up" wait_for value_is camb_api-A/gauge-up 1
ok "all of its tasks are asked again" wait_for value_is camb_api-A/count-pending 4
ok "rounds go on" rounds_pass 30
is "OKAY comes once" "$(notifications A | tail -n +2)" \
  "OKAY Account A: the API accepts the key again"
ok "the end is logged once" logged 1 'account "A": over: the API rejects the key'
ok "both keys are in use" at_least 4 seen 0
ok "nobody is notified of the other account still" not notified B

# The other one's turn
simulate <<<'key key-A'
ok "FAILURE of the other account" wait_for prints 1 account_notifications B FAILURE
ok "it is not up" wait_for value_is camb_api-B/gauge-up 0
is "its known statuses are held" "$(value camb_api-B/count-pending)" 4
is "the first one stays up" "$(value camb_api-A/gauge-up)" 1
is "and has no more to tell" "$(notifications A | wc -l)" 2
stop_collectd

# --- One pool of connections -------------------------------------------------

# The second account asks for the first time when the first one has nothing to
# ask any more, so one connection is enough for both.
start_simulator --key key-A --key key-B <<'EOF'
task done success=1
task next
EOF
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  <Account "A">
    APIKey "key-A"
    Task "done"
  </Account>
  <Account "B">
    APIKeyFile "$work/B.key"
    Task "next"
  </Account>
</Plugin>
EOF
ok "the first account is done" wait_for value_is camb_task-A-done/gauge-status 0
is "it took one connection" "$(counted .connections.total)" 1
printf 'key-B\n' >"$work/new.key"
chmod 600 "$work/new.key"
mv "$work/new.key" "$work/B.key"
ok "the second account begins" wait_for value_is camb_task-B-next/gauge-status 1
ok "and goes on" rounds_pass 4
is "accounts of one URL share its connections" "$(counted .connections.total)" 1
stop_collectd

start_simulator <<<'many task 6 latency=0.05'
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  MaxConcurrency 2
  <Account "A">
    $(for i in 1 2 3; do echo "Task \"task-$i\""; done)
  </Account>
  <Account "B">
    MaxConcurrency 1
    $(for i in 4 5 6; do echo "Task \"task-$i\""; done)
  </Account>
</Plugin>
EOF
ok "many rounds" rounds_pass 40
is "MaxConcurrency is for each account" "$(counted .in_flight.peak)" 3
ok "connections are as many as requests at once" \
  not at_least 4 counted .connections.total

done_testing
