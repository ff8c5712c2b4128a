#!/bin/bash
# SPDX-License-Identifier: MIT
# collectd as a service: its packaged unit with the drop-ins of examples/systemd,
# by the README's commands, under a systemd that is process 1 of a container. The
# container has this system's /usr and nothing else of it.
# shellcheck source-path=SCRIPTDIR
. "${0%/*}/lib.sh"
need "$collectd" collectdctl curl jq awk systemd-analyze

examples=$top_srcdir/examples/systemd
no_credential=status=243/CREDENTIALS # what systemd says of a service

# --- The drop-ins, and what the README says of them --------------------------

# block N: the README's Nth indented block on systemd.
block() {
  awk -v n="$1" '
    /^### / { inside = $0 == "### Under systemd" }
    inside && /^    / { if (!within) count++; within = 1; if (count == n) print substr($0, 5) }
    !/^    / { within = 0 }' "$top_srcdir/README.md"
}
# said REGEX: what the section says so
said() {
  sed -n '/^### Under systemd/,/^### Op/p' "$top_srcdir/README.md" | grep -o "$1"
}
settings() { grep -v -e '^#' -e '^$' "$1"; }
is "the README has the drop-in" "$(block 2)" "$(settings "$examples/camb_task.conf")"

mkdir -p "$work/units/collectd.service.d"
cp "$examples"/*.conf "$work/units/collectd.service.d"
verdict() {
  SYSTEMD_UNIT_PATH=$work/units: systemd-analyze verify --man=no collectd.service 2>&1 |
    grep collectd
}
is "systemd finds nothing wrong with collectd's unit and them" "$(verdict)" ""

# --- A container -------------------------------------------------------------

without_container() {
  not_tested "collectd under systemd" "$1"
  done_testing
}
[ "$(id -u)" -eq 0 ] || without_container "only root can start a container"
for program in systemd-nspawn nsenter pgrep useradd; do
  type -P "$program" >/dev/null || without_container "$program is not installed"
done

etc=$work/etc
mkdir -p "$etc/collectd/collectd.conf.d" "$etc/systemd/system"
echo 'root:x:0:0::/root:/bin/sh' >"$etc/passwd"
echo 'root:x:0:' >"$etc/group"
tr -d - </proc/sys/kernel/random/uuid >"$etc/machine-id"
printf '%s\n' '[Unit]' Requires=basic.target After=basic.target Wants=collectd.service \
  >"$etc/systemd/system/default.target"
(umask 077 && echo test-key >"$etc/collectd/camb.key")
cat >"$etc/collectd/collectd.conf" <<'END'
Hostname "e2e"
FQDNLookup false
LoadPlugin syslog
LoadPlugin unixsock
<Plugin unixsock>
  SocketFile "/var/lib/collectd/socket"
</Plugin>
LoadPlugin csv
<Plugin csv>
  DataDir "/var/lib/collectd/csv"
</Plugin>
Include "/etc/collectd/collectd.conf.d/*.conf"
END
start_simulator <<<'task 660945d2-6a54-4b8b-8295-aa08f3d432d7'
MODULE_DIR=/plugin example camb_task.conf -e "s,$work/camb,/etc/collectd/camb," \
  -e 's/^  Interval .*/  Interval 1/' >"$etc/collectd/collectd.conf.d/camb_task.conf"

inside() { nsenter -t "$leader" -a -- "$@"; }
systemd-nspawn -q --directory=/ --volatile=yes --settings=no --register=no \
  --keep-unit --machine="camb-task-$$" --link-journal=no --resolv-conf=off \
  --timezone=off --console=pipe --bind="$etc:/etc" \
  --bind-ro="$MODULE_DIR:/plugin" --bind-ro="$top_srcdir:/source" \
  --boot </dev/null >"$work/nspawn.log" 2>&1 &
container=$!
pids+=("$container")
has_booted() {
  leader=$(pgrep -P "$container") && inside systemctl is-active default.target
}
booted_or_gone() { has_booted || ! kill -0 "$container"; }
wait_for booted_or_gone
has_booted >/dev/null 2>&1 ||
  without_container "none starts here: $(tr '\n' ' ' <"$work/nspawn.log")"

# --- collectd in it ----------------------------------------------------------

root=/proc/$leader/root
state=$root/var/lib/collectd
copy=$root/run/credentials/collectd.service/camb.key
ln -s "$state/socket" "$work/socket"

# readme N: runs that block.
readme() { inside bash -ec "cd /source && $(block "$1")"; }
service() { inside systemctl show -P "$1" collectd; }
# What this run of the service has logged.
journal() { inside journalctl -o cat "_SYSTEMD_INVOCATION_ID=$(service InvocationID)"; }
journal_has() { journal | grep -q -- "$1"; }
complaints() {
  journal | grep -E 'camb_task|denied|not permitted|Read-only' |
    grep -v 'successfully loaded'
}
# process_has FIELD: of collectd's /proc/PID/status
process_has() { awk "/^$1:/ { print \$2 }" "$root/proc/$(service MainPID)/status"; }
does_not_start() { ! inside systemctl restart collectd 2>/dev/null; }
status_has() { grep -qF -- "$1" <<<"$(inside systemctl status collectd)"; }
others_cannot_read() { [[ $(stat -c %A "$1") = -r*--- ]]; }
hangs() { [ "$(counted .in_flight.now)" -ge 1 ]; }

# works WHAT: the service, which has just been restarted, does all that it should.
works() {
  ok "$1: the key is good" wait_for value_is camb_api-default/gauge-up 1
  ok "$1: the task has its value" \
    wait_for value_is camb_task-trailer-fr/gauge-status 1
  ok "$1: it is in the state file" wait_for grep -q trailer-fr "$state/camb_task.state"
  is "$1: nothing is complained of" "$(complaints)" ""
}

# ends WHAT: so it does while a request hangs, and in time.
ends() {
  local took
  simulate <<<'task 660945d2-6a54-4b8b-8295-aa08f3d432d7 silence'
  ok "$1: a request hangs" wait_for hangs
  inside systemctl stop collectd
  took=$(($(service ExecMainExitTimestampMonotonic) - \
    $(service ActiveExitTimestampMonotonic)))
  note "collectd ended after $((took / 1000)) ms"
  ok "$1: systemctl stop ends it within 2 s" test "$took" -le 2000000
  is "$1: it ends in good order" "$(service Result)" success
  simulate <<<'task 660945d2-6a54-4b8b-8295-aa08f3d432d7'
}

# --- The key as a credential -------------------------------------------------

ok "the README's commands give the key as a credential" readme 1
works "as root"
ok "the copy is for root alone" others_cannot_read "$copy"
ends "as root"

inside systemctl start collectd
wait_for value_is camb_api-default/gauge-up 1
echo another-key >"$etc/collectd/camb.key"
simulate <<<'key another-key'
ok "a new key is not taken up" wait_for journal_has 'the API rejects the key'
inside systemctl restart collectd
works "after a restart"

mv "$etc/collectd/camb.key" "$etc/collectd/camb.key.away"
ok "without the key's file, collectd does not start" does_not_start
ok "its status says why" status_has "$no_credential"
is "as the README has it" "$(said 'status=[^`]*')" "$no_credential"
mv "$etc/collectd/camb.key.away" "$etc/collectd/camb.key"

# --- With fewer rights -------------------------------------------------------

# collectd's own unit, which other distributions have, is different in that.
printf '[Service]\nCapabilityBoundingSet=\n' \
  >"$etc/systemd/system/collectd.service.d/capabilities.conf"
chown 1 "$etc/collectd/camb.key" # which only who has capabilities can read now
inside systemctl daemon-reload
inside systemctl restart collectd
is "collectd has no capabilities" "$(process_has CapBnd)" 0000000000000000
works "without capabilities"
ends "without capabilities"
rm "$etc/systemd/system/collectd.service.d/capabilities.conf"

ok "the README's commands let it run as a user of its own" readme 3
works "as a user"
is "that is its user" "$(inside id -u collectd)" "$(process_has Uid)"
is "who has no capabilities" "$(process_has CapBnd)" 0000000000000000
is "and gets no others" "$(process_has NoNewPrivs)" 1
ok "the copy is for it alone" others_cannot_read "$copy"
ends "as a user"

inside journalctl -o cat -u collectd >"$work/journal.log"
done_testing
