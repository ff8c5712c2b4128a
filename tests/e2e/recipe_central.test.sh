#!/bin/bash
# SPDX-License-Identifier: MIT
# The recipes for a central collectd, encrypted and signed, with a sender whose
# password is wrong beside one whose is right.
# shellcheck source-path=SCRIPTDIR
. "${0%/*}/lib.sh"
. "${0%/*}/recipes.sh"
need "$collectd" collectdctl curl jq

start_simulator <<'END'
task 660945d2-6a54-4b8b-8295-aa08f3d432d7
task fails pending=2 error=SOURCE_TOO_LONG
END
echo 'camb: a-long-password' >"$work/network.users"
chmod 600 "$work/network.users"

# sends HOST [SED-ARGUMENT...]: a sender
sends() {
  start_recipe "$1" central-sender.conf \
    -e "s/\"collectd.example.com\" \"25826\"/\"127.0.0.1\" \"$port\"/" \
    -e '/^  Task /a\  Task "fails" "broken"' "${@:2}"
}

# What the central one serves to Prometheus of a host
central() {
  answers "http://127.0.0.1:$metrics/metrics" |
    grep -Ec "^collectd_camb_.*[{,]instance=\"$1\"[,}]"
}
has_status() {
  grep -Eq "^collectd_camb_task_gauge\{camb_task=\"trailer-fr\",type=\"status\",instance=\"$1\"\} 1( |\$)" \
    < <(answers "http://127.0.0.1:$metrics/metrics")
}

# receives LEVEL: both recipes with that SecurityLevel
receives() {
  local level=$1 daemon daemons=()
  port=$(free_port) metrics=$(free_port)
  start_recipe "central-$level" central-receiver.conf \
    -e "s/\"0.0.0.0\" \"25826\"/\"127.0.0.1\" \"$port\"/" \
    -e "s,/etc/collectd/network.users,$work/network.users," \
    -e "s/\"9103\"/\"$metrics\"/" -e "s/SecurityLevel Encrypt/SecurityLevel $level/"
  daemons+=("$recipe")
  is "$level: the central collectd has no camb_task" \
    "$(grep -c 'plugin "camb_task"' "$work/central-$level.log")" 0
  sends "stranger-$level" -e 's/a-long-password/another-password/' \
    -e "s/SecurityLevel Encrypt/SecurityLevel $level/"
  daemons+=("$recipe")
  sends "nobody-$level" -e '/SecurityLevel/d' -e '/Username/d' -e '/Password/d'
  daemons+=("$recipe")
  ok "$level: they have values" \
    wait_for prints 1 value_at "nobody-$level" camb_task-trailer-fr/gauge-status
  sends "sender-$level" -e "s/SecurityLevel Encrypt/SecurityLevel $level/"
  daemons+=("$recipe")
  ok "$level: values arrive under the sender's name" \
    wait_for has_status "sender-$level"
  ok "$level: all of them" wait_for eval \
    '[ "$(central "sender-$level")" -eq "$(identifiers_at "sender-$level" /camb_)" ]'
  ok "$level: notifications, too" wait_for grep -q \
    "severity = FAILURE, host = sender-$level, .*, plugin_instance = broken," \
    "$work/central-$level.log"
  ok "$level: a wrong password is noticed" \
    wait_for grep -Eq '(Checksum|: Hash) mismatch' "$work/central-$level.log"
  ok "$level: so is none" \
    wait_for grep -Eq 'Un(signed|encrypted) packet' "$work/central-$level.log"
  is "$level: nothing with a wrong password" "$(central "stranger-$level")" 0
  is "$level: nothing without one" "$(central "nobody-$level")" 0
  is "$level: nor notifications" \
    "$(grep -Ec 'host = (stranger|nobody)' "$work/central-$level.log")" 0
  for daemon in "${daemons[@]}"; do
    end_process "$daemon"
  done
}

is "both recipes encrypt" "$(
  cat "$top_srcdir"/examples/recipes/central-{sender,receiver}.conf |
    grep -c '^ *SecurityLevel Encrypt$'
)" 2
receives Encrypt
receives Sign

done_testing
