#!/bin/bash
# SPDX-License-Identifier: MIT
# Connections: nginx in front of the simulator counts them, multiplexes them by
# HTTP/2 or not, and closes them as servers do.
# shellcheck source-path=SCRIPTDIR disable=SC2317,SC2119
. "${0%/*}/lib.sh"
need "$collectd" collectdctl curl jq openssl nginx

make_certificates
start_simulator <<'EOF'
many task 200
EOF

# --- nginx -------------------------------------------------------------------

# server NAME PROTOCOL DIRECTIVE...: a server of its own port, $port_NAME, and
# its own log: connection, protocol, status and process of each request.
server() {
  local port
  port=$(free_port)
  printf -v "port_$1" %s "$port"
  cat <<EOF >>"$work/servers"
server {
  listen 127.0.0.1:$port ssl $2;
  access_log $work/$1.requests request;
  $(printf '%s\n' "${@:3}")
  location / {
    proxy_pass http://simulator;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
  }
}
EOF
}

server http2 http2 "keepalive_requests 100000;" # by default a connection ends after 1,000
server http1 ""
server hasty2 http2 "keepalive_requests 50;"
server hasty1 "" "keepalive_requests 50;"
server narrow http2 "http2_max_concurrent_streams 8;"

nginx_conf warn 100 <<EOF
  log_format request '\$connection \$server_protocol \$status \$pid';
  include $work/servers;
EOF

# Makes nginx take its configuration anew: a new worker takes new connections,
# the old one finishes what it has and closes its own.
reload_nginx() {
  worker=$(tail -qn 1 "$work"/*.requests | cut -d ' ' -f 4 | sort -un | tail -n 1)
  kill -HUP "$nginx"
}
has_new_worker() { [ "$(tail -n 1 "$work/$1.requests" | cut -d ' ' -f 4)" != "$worker" ]; }

# field NAME NUMBER: all values of a field in a server's log, each once
field() { cut -d ' ' -f "$2" "$work/$1.requests" | sort -u; }
connections() { field "$1" 1 | grep -c .; }
logged() { wc -l <"$work/$1.requests"; }

# --- The plugin --------------------------------------------------------------

# follow NAME MAX-CONCURRENCY [LINE...]: a collectd that follows all tasks
# through the server of that name, instead of any before
follow() {
  local port=port_$1
  [ -z "${daemon:-}" ] || stop_collectd
  : >"$work/$1.requests"
  simulated /reset -X POST >/dev/null
  start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "https://127.0.0.1:${!port}/apis"
  APIKey "test-key"
  CACert "$work/tls/ca.pem"
  MaxConcurrency $2
  MaxErrorInterval 1
  StateSet false
  $(printf '%s\n' "${@:3}")
  $(printf 'Task "task-%d"\n' {1..200})
</Plugin>
EOF
}

# asked TIMES: each task was asked for so often at least.
asked() { [ "$(counted '[.tasks[].requests] | min')" -ge "$1" ]; }

at_most() { [ "$("${@:2}")" -le "$1" ]; }

# more_answers NUMBER: so many since $now
more_answers() { [ "$(requests ok)" -ge $((now + $1)) ]; }

# with_status STATUS: how many of the tasks have it
with_status() {
  prometheus_all |
    grep -Ec "^collectd_camb_task_gauge\{.*type=\"status\".* $1 [0-9]+\$"
}
all_have_status() { [ "$(with_status "$1")" = 200 ]; }

# bad_requests [OUTCOME]: how many ended otherwise than well, or than so
bad_requests() {
  prometheus_all | awk -v but="type=\"${1:-ok}\"" '
    /^collectd_camb_api_total_requests_total/ && !/type="ok"/ && !index($0, but) {
      sum += $2
    }
    END { print sum + 0 }'
}

INTERVAL=0.2
start_nginx "$port_http2"

# --- HTTP/2 ------------------------------------------------------------------

simulate >/dev/null <<<'all latency=0.01'
follow http2 100
ok "HTTP/2: ten rounds" wait_for asked 10
ok "all tasks are pending" all_have_status 1
is "by HTTP/2 only" "$(field http2 2)" HTTP/2.0
is "every request got its answer" "$(field http2 3)" 200
ok "at most two connections for 100 requests at once" at_most 2 connections http2
note "$(connections http2) connections, $(logged http2) requests"
is "no request failed" "$(bad_requests)" 0
ok "many requests were under way at once" at_least 50 counted .in_flight.peak
ok "but not more than MaxConcurrency" at_most 100 counted .in_flight.peak

# What ends now is seen at once, by all.
simulate >/dev/null <<<'many task 200 success=4711'
ok "all tasks end" wait_for all_have_status 0
ok "and are counted" wait_for value_is camb_api-default/count-success 200
simulate >/dev/null <<<'many task 200'

# Neither are there many connections when there are more requests at once than a
# connection takes.
follow http2 200
ok "200 requests at once: three rounds" wait_for asked 3
ok "at most three connections for them" at_most 3 connections http2
note "$(connections http2) connections"

# nginx closes its connections in an orderly way.
reload_nginx
ok "reload: a new worker answers" wait_for has_new_worker http2
now=$(requests ok)
ok "three rounds with it" wait_for more_answers 600
ok "all tasks are pending" all_have_status 1
is "the API is up" "$(value camb_api-default/gauge-up)" 1
is "no request failed by the reload" "$(bad_requests)" 0

# nginx dies and comes back: that is seen, and over.
end_process "$nginx"
ok "restart: the API is not up while nginx is away" \
  wait_for value_is camb_api-default/gauge-up 0
# The first to fail may be those that were under way.
ok "restart: no connection can be made" wait_for log_has 'no connection can be made'
ok "the statuses are held" all_have_status 1
start_nginx "$port_http2"
ok "the API is up again" wait_for value_is camb_api-default/gauge-up 1
now=$(requests ok)
ok "three more rounds" wait_for more_answers 600
ok "all tasks are pending" all_have_status 1
is "the outage was said once" "$(log_count 'no connection can be made, at first')" 1
ok "its end, too" wait_for log_has 'over: no connection can be made'

# The server allows fewer streams at once than there are requests: those that
# wait for one are not under way, so their time-out does not run. That holds on
# a new connection, to a server that is known to speak HTTP/2, too.
simulate >/dev/null <<<'all latency=0.2'
follow narrow 100 "Timeout 2"
ok "eight streams: all tasks are answered for" wait_for all_have_status 1
note "$(connections narrow) connections, at most $(counted .in_flight.peak) requests at once"
reload_nginx
before=$(connections narrow)
ok "a new worker answers" wait_for has_new_worker narrow
ok "it gets more connections as long as requests wait for a stream" \
  wait_for at_least $((before + 5)) connections narrow
now=$(requests ok)
ok "all tasks are answered for in two more rounds" wait_for more_answers 400
# Until a new connection has said how many streams it allows, libcurl takes it
# for 100, and those it sends too many wait where nobody sees it.
ok "hardly a request timed out waiting for a stream" at_most 100 requests timeout
is "none failed otherwise" "$(bad_requests timeout)" 0
note "$(connections narrow) connections"
simulate >/dev/null <<<'all latency=0.01'

# The worker that has our connections stops without a word; new ones are taken by
# another. That is noticed, since else all requests would go on into the dead
# connection for as long as TCP hopes for it.
follow http2 16 "Timeout 1"
ok "HTTP/2, before a connection dies: three rounds" wait_for asked 3
reload_nginx
ok "a worker that will stop answers" wait_for has_new_worker http2
worker=$(tail -n 1 "$work/http2.requests" | cut -d ' ' -f 4)
kill -STOP "$worker"
ok "requests time out" wait_for eval '[ "$(requests timeout)" -gt 0 ]'
kill -HUP "$nginx"
now=$(requests ok)
ok "new connections are made, and used: three more rounds" wait_for more_answers 600
is "the API is up" "$(value camb_api-default/gauge-up)" 1
kill -CONT "$worker"

# The server closes a connection after 50 requests. Those that were in it when
# it did so are sent again.
follow hasty2 40
ok "HTTP/2, 50 requests a connection: ten rounds" wait_for asked 10
ok "all tasks are pending" all_have_status 1
is "no request failed" "$(bad_requests)" 0
note "$(connections hasty2) connections, $(logged hasty2) requests"

# With more at once than a connection is for, some are turned away twice. They
# fail, since nothing is sent more than twice, but nothing else comes of it.
follow hasty2 100
ok "100 at once: ten rounds" wait_for asked 10
ok "all tasks are pending" all_have_status 1
is "none failed otherwise" "$(bad_requests network)" 0
note "$(requests network) of $(requests ok) were turned away"

# --- HTTP/1.1 ----------------------------------------------------------------

follow http1 16
ok "HTTP/1.1: ten rounds" wait_for asked 10
ok "all tasks are pending" all_have_status 1
is "by HTTP/1.1 only" "$(field http1 2)" HTTP/1.1
is "every request got its answer" "$(field http1 3)" 200
ok "no more connections than MaxConcurrency" at_most 16 connections http1
note "$(connections http1) connections, $(logged http1) requests"
is "no request failed" "$(bad_requests)" 0
ok "not more requests at once than MaxConcurrency" at_most 16 counted .in_flight.peak

follow hasty1 16
ok "HTTP/1.1, 50 requests a connection: ten rounds" wait_for asked 10
ok "all tasks are pending" all_have_status 1
is "no request failed" "$(bad_requests)" 0
note "$(connections hasty1) connections, $(logged hasty1) requests"
ok "a connection was used as long as it could be" \
  at_most $(($(logged hasty1) / 50 + 32)) connections hasty1

done_testing
