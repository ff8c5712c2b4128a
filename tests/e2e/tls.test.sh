#!/bin/bash
# SPDX-License-Identifier: MIT
# TLS: which servers the plugin talks to, and which not.
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "${0%/*}/lib.sh"
need "$collectd" collectdctl curl jq openssl

make_certificates

# serve NAME [OPTION...]: a simulator with the certificate of that name.
serve() {
  start_simulator --tls-cert "$work/tls/$1.pem" --tls-key "$work/tls/$1.key" \
    "${@:2}" <<<'task endless'
}

serve good
good_url=$api_url good_simulator=$simulator_url
serve other
other_url=$api_url other_simulator=$simulator_url
start_simulator --key test-key <<<'task endless'
plain_url=https://${api_url#http://} plain_simulator=$simulator_url
# The one that gets another certificate later.
expired_port=$(free_port)
serve expired --port "$expired_port"
expired_url=$api_url expired_simulator=$simulator_url expired=$simulator

# account NAME URL [OPTION...]: an account with one task; an option is a line.
account() {
  printf '<Account "%s">\nURL "%s"\n' "$1" "$2"
  printf '%s\n' "${@:3}"
  printf 'Task "endless"\n</Account>\n'
}
authority="CACert \"$work/tls/ca.pem\""

# Those with the same URL share a pool of connections, in which there are always
# some that others of them must not use.
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  APIKey "test-key"
  MaxErrorInterval 1
  $(account trusted "$good_url" "$authority")
  $(account untrusted "$good_url")
  $(account no_peer "$good_url" 'VerifyPeer false')
  $(account no_host "$good_url" 'VerifyHost false')
  $(account neither "$good_url" 'VerifyPeer false' 'VerifyHost false')
  $(account no_file "$good_url" "CACert \"$work/missing.pem\"")
  $(account other "$other_url" "$authority")
  $(account other_no_peer "$other_url" "$authority" 'VerifyPeer false')
  $(account other_no_host "$other_url" "$authority" 'VerifyHost false')
  $(account other_neither "$other_url" 'VerifyPeer false' 'VerifyHost false')
  $(account expired "$expired_url" "$authority")
  $(account expired_neither "$expired_url" 'VerifyPeer false' 'VerifyHost false')
  $(account plain "$plain_url" "$authority")
  $(account clear "http://${good_url#https://}")
</Plugin>
EOF

# total ACCOUNT: its requests, however they ended
total() {
  prometheus_all |
    awk -v start="collectd_camb_api_total_requests_total{camb_api=\"$1\"," \
      'index($0, start) == 1 { sum += $2 } END { print sum + 0 }'
}

# ended_by ACCOUNT OUTCOME: three requests or more ended, and all of them so.
ended_by() {
  local all
  all=$(total "$1")
  [ "$all" -ge 3 ] && [ "$(requests "$2" "$1")" = "$all" ]
}

# accepted ACCOUNT WHY
accepted() {
  ok "$1: accepted: $2" wait_for ended_by "$1" ok
  is "$1: the status is known" "$(value "camb_task-$1-endless/gauge-status")" 1
  is "$1: the API is up" "$(value "camb_api-$1/gauge-up")" 1
}

# refused ACCOUNT WHY [TROUBLE]
refused() {
  ok "$1: refused: $2" wait_for ended_by "$1" network
  is "$1: the status stays unknown" "$(value "camb_task-$1-endless/gauge-status")" -1
  is "$1: the API is not up" "$(value "camb_api-$1/gauge-up")" 0
  is "$1: said once" "$(log_count "account \"$1\": ${3:-TLS fails}, at first for")" 1
}

accepted trusted "CACert has the authority"
refused untrusted "the system does not know the authority"
accepted no_peer "VerifyPeer is off, and the host is right"
refused no_host "with VerifyHost off the authority still has to be known"
accepted neither "both are off"
refused no_file "there is no such CACert"
refused other "the certificate is for another host"
refused other_no_peer "with VerifyPeer off the host still has to be right"
accepted other_no_host "VerifyHost is off"
accepted other_neither "both are off"
refused expired "the certificate has expired"
accepted expired_neither "both are off"
refused plain "the server does not speak TLS"
refused clear "the server speaks nothing but TLS" "connections break"

ok "the log has the reason: the authority" \
  log_has '"untrusted": TLS fails.*(issuer|self.signed)'
ok "the host" log_has '"other": TLS fails.*(127\.0\.0\.1|host name|subject)'
ok "the time" log_has '"expired": TLS fails.*expired'
ok "the missing file" log_has "\"no_file\": TLS fails.*$work/missing.pem"

# asked_by_none_but SIMULATOR ACCOUNT...: all requests, and so all keys, that the
# server saw are from these accounts. What it saw is read first, so that the
# answers that come meanwhile do no harm.
asked_by_none_but() {
  local account seen answers=0
  simulator_url=$1
  seen=$(counted .requests)
  for account in "${@:2}"; do
    answers=$((answers + $(requests ok "$account")))
  done
  [ "$seen" -gt 0 ] && [ "$answers" -ge "$seen" ]
}
ok "no key went to a good server that was not trusted" wait_for \
  asked_by_none_but "$good_simulator" trusted no_peer neither
ok "nor to another host" wait_for \
  asked_by_none_but "$other_simulator" other_no_host other_neither
ok "nor to one that has expired" wait_for \
  asked_by_none_but "$expired_simulator" expired_neither
simulator_url=$plain_simulator
is "nor to one without TLS" "$(counted .requests)" 0

# The certificate is renewed, on the same port.
end_process "$expired"
serve good --port "$expired_port"
ok "a renewed certificate is accepted" \
  wait_for value_is camb_task-expired-endless/gauge-status 1
ok "the API is up" wait_for value_is camb_api-expired/gauge-up 1
ok "the recovery is said" wait_for log_has 'account "expired": over: TLS fails'
ok "rounds go on" rounds_pass 6
is "the recovery was said once" "$(log_count 'account "expired": over: TLS fails')" 1
is "the trouble was said once" "$(log_count 'account "expired": TLS fails')" 1
is "those still refused did not recover" \
  "$(log_count '"(untrusted|no_host|no_file|other.*|plain)": over: TLS fails')" 0

done_testing
