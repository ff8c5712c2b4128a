#!/bin/bash
# SPDX-License-Identifier: MIT
# An API that hangs holds up nobody: not other plugins, not this one's values,
# and not the daemon's end.
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "${0%/*}/lib.sh"
need "$collectd" collectdctl curl jq openssl cc

# In how long the daemon has to end after SIGTERM, seconds.
END_WITHIN=2

# Other plugins are stood for by uptime. With a single thread for all reads, one
# that blocks is felt by all of them.
# shellcheck disable=SC2034
MORE_CONF="ReadThreads 1
LoadPlugin uptime
LoadPlugin csv
<Plugin csv>
  DataDir \"$work/csv\"
</Plugin>"

# csv IDENTIFIER: what collectd wrote of it, "time,value" on each line
csv() { sed '/^epoch/d' "$work/csv/e2e/$1"-2* 2>/dev/null; }
csv_lines() { csv "$1" | wc -l; }

# steady IDENTIFIER: from the first to the last value there is one for each
# interval, but for some that a slow machine may lose. (A read that waited for
# its requests would come every $Timeout, 60 s, instead.)
steady() {
  csv "$1" | awk -F , -v interval="$INTERVAL" '
    NR == 1 { first = $1 }
    { last = $1 }
    END {
      printf "# %d values in %.1f s\n", NR, last - first
      exit !(NR >= 8 && NR >= 0.7 * (last - first) / interval)
    }'
}

# account NAME TASKS [OPTION...]: an account of so many tasks
account() {
  printf '<Account "%s">\n' "$1"
  printf '%s\n' "${@:3}"
  seq -f 'Task "%g"' "$2"
  printf '</Account>\n'
}

# ends_in_time: SIGTERM ends collectd, in good order and in time.
ends_in_time() {
  local began=${EPOCHREALTIME/[.,]/} took
  stop_collectd
  took=$((${EPOCHREALTIME/[.,]/} - began))
  note "collectd ended after $((took / 1000)) ms"
  [ "$took" -le $((END_WITHIN * 1000000)) ] && log_has 'Exiting normally'
}

# --- The API is silent -------------------------------------------------------

start_simulator <<'EOF'
task 1 latency=1.3
EOF
late_simulator=$simulator_url late_url=$api_url
start_simulator <<'EOF'
all silence
EOF

INTERVAL=1
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  Timeout 60
  MaxConcurrency 20
  $(for name in a b c d e; do account "$name" 25; done)
  $(account late 1 "URL \"$late_url\"")
</Plugin>
EOF

csv_reaches() { [ "$(csv_lines "$1")" -ge "$2" ]; }
ok "another plugin's values keep coming" wait_for csv_reaches uptime/uptime 10
ok "at their pace" steady uptime/uptime
ok "so do the plugin's own" wait_for csv_reaches camb_task-e-20/gauge-status 10
ok "at theirs" steady camb_task-e-20/gauge-status
ok "in all accounts" steady camb_task-a-1/gauge-status
is "the status is unknown" "$(value camb_task-a-1/gauge-status)" -1
ok "the time elapses" value_within camb_task-a-1/duration-elapsed 5 60
ok "nothing is known of the API yet" not has_value camb_api-a/gauge-up
is "each account has MaxConcurrency requests under way, none is sent twice" \
  "$(counted '.requests, .in_flight.now' | tr '\n' ' ')" "100 100 "

simulator_url=$late_simulator
ok "another account's answer arrives all the same, though it is late" \
  wait_for value_is camb_task-late-1/gauge-status 1
is "but not in the interval that asked for it" \
  "$(csv camb_task-late-1/gauge-status | head -n 1 | sed 's/.*,//; s/\..*//')" -1
each_was_told() {
  [ "$(requests ok late)" -ge 3 ] && [ "$(requests ok late)" = \
    "$(csv_lines camb_api-late/response_time-average)" ]
}
ok "each of them is in the values of one interval" wait_for each_was_told
is "a request under way is not sent twice" "$(counted .in_flight.peak)" 1
ok "no interval asks twice" test "$(counted .requests)" -le \
  "$(csv_lines camb_task-late-1/gauge-status)"
is "nothing failed" "$(requests timeout late)$(requests network late)" 00

ok "SIGTERM ends the daemon within $END_WITHIN s while 100 requests hang" ends_in_time

# From here on, SIGTERM comes in the first read, which waits for its answers as
# long as one ever does.
INTERVAL=10

make_certificates
tls=(--tls-cert "$work/tls/good.pem" --tls-key "$work/tls/good.key")
start_simulator "${tls[@]}" <<'EOF'
many silent 20 silence
many drip 20 drip=0.5
EOF
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  CACert "$work/tls/ca.pem"
  Timeout 60
  MaxConcurrency 100
  $(seq -f 'Task "silent-%g"' 20)
  $(seq -f 'Task "drip-%g"' 20)
</Plugin>
EOF
in_flight() { [ "$(counted .in_flight.now)" -ge "$1" ]; }
ok "40 requests are under way" wait_for in_flight 40
ok "SIGTERM in a read ends the daemon within $END_WITHIN s" ends_in_time

# --- The TLS handshake hangs -------------------------------------------------

# The system makes the connections of a server that is stopped.
start_simulator "${tls[@]}" <<<'many task 20'
port=${simulator_url##*:}
kill -STOP "$simulator"
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  CACert "$work/tls/ca.pem"
  Timeout 60
  $(seq -f 'Task "task-%g"' 20)
</Plugin>
EOF
# In /proc/net/tcp, a connection from us to the port that is established.
connected() {
  awk -v peer="$(printf ':%04X$' "$port")" \
    '$3 ~ peer && $4 == "01" { found = 1 } END { exit !found }' /proc/net/tcp
}
ok "a TLS handshake is under way" wait_for connected
ok "SIGTERM then ends the daemon within $END_WITHIN s" ends_in_time
kill -CONT "$simulator"
is "and no request was sent" "$(counted .requests)" 0

# --- The look-up of the host's name hangs ------------------------------------

# A C library whose getaddrinfo never returns, for one name.
cat >"$work/look_up.c" <<'EOF'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int getaddrinfo(const char *node, const char *service,
                const struct addrinfo *hints, struct addrinfo **result) {
  int (*real)(const char *, const char *, const struct addrinfo *,
              struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");
  if (node == NULL || strcmp(node, "hangs.invalid") != 0)
    return real(node, service, hints, result);
  close(open(getenv("LOOK_UP_BEGUN"), O_CREAT | O_WRONLY, 0600));
  for (;;)
    pause();
}
EOF
cc -shared -fPIC -o "$work/look_up.so" "$work/look_up.c" -ldl ||
  skip_or_bail "cc failed"

# hanging_look_up: a collectd with tasks at a host whose look-up hangs
hanging_look_up() {
  rm -rf "$work/csv" "$work/look_up_begun"
  COLLECTD_WRAPPER=(env "LD_PRELOAD=$work/look_up.so"
    "LOOK_UP_BEGUN=$work/look_up_begun")
  start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "https://hangs.invalid/apis"
  APIKey "test-key"
  Proxy ""
  Timeout 60
  $(seq -f 'Task "task-%g"' 20)
</Plugin>
EOF
}

hanging_look_up
ok "a look-up is under way" wait_for test -e "$work/look_up_begun"
ok "SIGTERM then ends the daemon within $END_WITHIN s" ends_in_time

INTERVAL=0.5
hanging_look_up
ok "with it, values keep coming" wait_for csv_reaches camb_task-task-20/gauge-status 10
ok "at their pace" steady camb_task-task-20/gauge-status
ok "and another plugin's" steady uptime/uptime
ok "SIGTERM ends the daemon within $END_WITHIN s" ends_in_time

done_testing
