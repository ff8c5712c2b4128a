#!/bin/bash
# SPDX-License-Identifier: MIT
# A real nginx in front of the API: it limits the rate, it is restarted, and it
# ends connections after few requests. (What connections are made is the matter
# of http2.test.sh.)
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "${0%/*}/lib.sh"
need "$collectd" collectdctl curl jq openssl nginx

export VALUE_TIMEOUT=40 INTERVAL=0.5

make_certificates
start_simulator <<'EOF'
many task 40
EOF

port_limited=$(free_port)
port_hasty=$(free_port)
while [ "$port_hasty" = "$port_limited" ]; do port_hasty=$(free_port); done
nginx_conf crit 50 <<EOF
  log_format request '\$msec \$status \$connection';
  limit_req_zone \$server_name zone=api:1m rate=20r/s;
  limit_req_status 429;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  server {
    server_name limited;
    listen 127.0.0.1:$port_limited;
    access_log $work/limited.requests request;
    location / {
      limit_req zone=api burst=10 nodelay;
      proxy_pass http://simulator;
    }
  }
  server {
    listen 127.0.0.1:$port_hasty ssl http2;
    access_log $work/hasty.requests request;
    keepalive_requests 5;
    location / {
      proxy_pass http://simulator;
    }
  }
EOF

# all_have_status STATUS: all of the tasks
all_have_status() {
  [ "$(prometheus_all |
    grep -Ec "^collectd_camb_task_gauge\{.*type=\"status\".* $1 [0-9]+\$")" = 40 ]
}
# answered STATUS: how many requests nginx answered so, from line $from on
from=1
answered() { tail -n "+$from" "$work/limited.requests" | awk -v s="$1" '$2 == s' | wc -l; }
asked() { [ "$(counted '[.tasks[].requests] | min')" -ge "$1" ]; }
start_nginx "$port_limited"

# --- A limited rate ----------------------------------------------------------

# 40 tasks every half second are 80 requests a second, four times what nginx
# lets through.
concurrency=3
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "http://127.0.0.1:$port_limited/apis"
  APIKey "test-key"
  MaxConcurrency $concurrency
  MaxErrorInterval 10
  StateSet false
  $(seq -f 'Task "task-%g"' 40)
</Plugin>
EOF
ok "all tasks get their statuses" wait_for all_have_status 1
from=$(wc -l <"$work/limited.requests")
ok "all are asked, again and again" wait_for asked 5
good=$(answered 200) bad=$(answered 429)
note "$good good answers, $bad of 429"
ok "there is a limit" test "$bad" -ge 1
ok "which is seldom run into" test $((bad * 3)) -le "$good"
ok "none is left behind: the tasks take turns" test \
  "$(counted '[.tasks[].requests] | max - min')" -le 3
# clusters: how many answers of 429 there were in one half second at most
clusters() {
  awk '$2 == 429 { print $1 }' "$work/limited.requests" | sort -n | awk '
    { at[NR] = $1
      while (at[NR] - at[first + 1] > 0.3) first++
      if (NR - first > most) most = NR - first }
    END { print most + 0 }'
}
ok "never more than MaxConcurrency answers of 429 in a round" \
  test "$(clusters)" -le "$concurrency"
is "all are counted" "$(($(requests rate_limited) > 0))" 1
is "nothing else goes wrong" \
  "$(requests network)$(requests server_error)$(requests client_error)$(requests timeout)" 0000
is "the API is up" "$(value camb_api-default/gauge-up)" 1
is "nobody is notified" "$(log_count 'Notification: ')" 0
ok "it is said, not in each round" test \
  "$(log_count 'camb_task plugin: .*the API limits the rate')" -le 6

# --- nginx is restarted ------------------------------------------------------

end_process "$nginx"
ok "the API is not up while nginx is away" wait_for value_is camb_api-default/gauge-up 0
# The first to fail may be those that were under way.
ok "no connection can be made" wait_for log_has 'no connection can be made'
ok "the statuses are held" all_have_status 1
simulate <<<'task task-7 success=7'
start_nginx "$port_limited"
ok "the API is up again" wait_for value_is camb_api-default/gauge-up 1
ok "what ended meanwhile is seen" wait_for value_is camb_task-task-7/gauge-status 0
ok "and notified" wait_for notified task-7
ok "the outage is said once" \
  logged 1 'warning.*account "default": no connection can be made'
ok "its end, too" wait_for logged 1 'account "default": over: no connection can be made'
is "once" "$(notifications task-7 | wc -l)" 1
stop_collectd

# --- Connections that end after few requests -----------------------------------

# Each connection is closed, by GOAWAY, after five requests; all that is asked
# must come through all the same, and each end be told once.
simulate <<<'many task 40'
INTERVAL=0.25 start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "https://127.0.0.1:$port_hasty/apis"
  APIKey "test-key"
  CACert "$work/tls/ca.pem"
  MaxConcurrency 4
  MaxErrorInterval 1
  $(seq -f 'Task "task-%g"' 40)
</Plugin>
EOF
ok "GOAWAY: all tasks are answered for" wait_for all_have_status 1
simulate <<EOF
$(for i in {1..40}; do
  echo "task task-$i clock=launch pending=$((i / 10)).$((i % 10)) success=$i"
done)
EOF
ok "GOAWAY: all tasks end" wait_for all_have_status 0
all_notified() { [ "$(log_count 'Notification: severity = OKAY, .*plugin = camb_task')" -ge 40 ]; }
ok "GOAWAY: all are notified" wait_for all_notified
is "GOAWAY: once each" "$(log_count 'Notification: .*plugin = camb_task')" 40
note "$(wc -l <"$work/hasty.requests") requests, $(cut -d ' ' -f 3 "$work/hasty.requests" |
  sort -u | wc -l) connections; $(requests network) failed"
ok "GOAWAY: the connections were short" test \
  "$(cut -d ' ' -f 3 "$work/hasty.requests" | sort | uniq -c | sort -rn | awk 'NR == 1 { print $1 }')" -le 8
ok "GOAWAY: hardly a request fails" test "$(($(requests network) * 20))" -le "$(requests ok)"
is "GOAWAY: the API is up" "$(value camb_api-default/gauge-up)" 1
is "GOAWAY: nobody is told of trouble" "$(notifications default)" ""

done_testing
