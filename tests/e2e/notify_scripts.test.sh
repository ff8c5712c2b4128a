#!/bin/bash
# SPDX-License-Identifier: MIT
# examples/notifications/camb-notify.sh, started by collectd's exec plugin and by
# hand, with a real HTTP server.
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "${0%/*}/lib.sh"
need "$collectd" collectdctl curl jq python3 flock

export VALUE_TIMEOUT=40 INTERVAL=0.25

user=$(id -un) || skip_all "this user has no name, which the exec plugin wants"
[ "$user" != root ] || user=nobody # exec runs nothing as root

examples=$top_srcdir/examples/notifications
script=$work/camb-notify.sh
install -m 0755 "$examples/camb-notify.sh" "$script"
# So that a command hidden in a name or message could do its harm.
chmod 1777 "$work"

# secret FILE TEXT: a file that only the user has who is to read it
secret() {
  (umask 077 && echo "$2" >"$work/$1")
  [ "$(id -u)" -ne 0 ] || chown "$user" "$work/$1"
}

# What goes to syslog, which a test's machine may not have.
mkdir "$work/bin" && : >"$work/syslog.log" && chmod 666 "$work/syslog.log"
cat >"$work/bin/logger" <<EOF
#!/bin/sh
echo "\$*" >>"$work/syslog.log"
EOF
chmod 755 "$work/bin/logger"
PATH=$work/bin:$PATH
in_syslog() { grep -Eq -- "$1" "$work/syslog.log"; }

start_http_receiver
secret webhook.url "$http_receiver_url/hooks/top-secret"
secret grafana.token "glsa_top-secret"
secret all.url "$http_receiver_url/all/top-secret"

# posts PATH-PREFIX [JQ]: what was posted there, one JSON a line
posts() {
  find "$http_received" -name '*.json' | sort | xargs -r cat |
    jq -c "select(.path | startswith(\"$1\"))" | jq -c "${2:-.body | fromjson}"
}
posted() { posts "$1" '.body' | grep -qF -- "$2"; }
post_count() { posts "$1" '.body' | wc -l; }

# --- By collectd -------------------------------------------------------------

conf() {
  sed -e "s,\"camb-notify\",\"$user\"," -e "s,\"/usr/local/lib/collectd/,\"$work/," \
    -e "s,/etc/collectd/camb-,$work/," -e "s,https://grafana.example.com,$http_receiver_url/grafana/," "$@"
}
MORE_CONF=$(conf "$examples/webhook.conf" "$examples/grafana-annotation.conf"
  conf -e 's/webhook.url/all.url/' -e 's/"slack"/"--all-plugins" "--no-okay" "slack"/' \
    "$examples/webhook.conf")
export MORE_CONF
start_simulator <<EOF
task id-good name="Der Trailer" clock=asked pending=1 success=4711
task id-bad error=SOURCE_TOO_LONG message="\"3 h\" & 12 min \\\\ \n<b>\$(touch $work/harm)</b> \x60touch $work/harm\x60 🎬 @all"
task endless
task later
EOF
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  MaxErrorInterval 1
  FetchResult true
  Task "id-good" "trailer-fr"
  Task "id-bad" "50% \"off\" \$(touch harm) \\\\ <!channel> @here größe: y"
  Task "endless"
  Task "later"
</Plugin>
EOF
ok "an end is posted" wait_for posted /hooks trailer-fr
studio=$(posts /hooks .body | jq -r 'fromjson.text' | grep -A9 trailer-fr | grep '^http' | head -n 1)
is "with what is known, as a chat wants it" \
  "$(posts /hooks '.body | fromjson | select(.text | contains("trailer-fr"))' |
    jq -r .text | sed 's/after [0-9]* s/after N s/')" \
  "🟢 OKAY: trailer-fr is SUCCESS
after N s, run 4711, ID id-good, project Der Trailer, host e2e
$studio"
ok "and where to see it" grep -q '^https://' <<<"$studio"
ok "a failure is posted" wait_for posted /hooks FAILURE
is "with quotes and all, but calling nobody" \
  "$(posts /hooks '.body | fromjson | select(.text | contains("FAILURE"))' | jq -r .text)" \
  "🔴 FAILURE: 50% \"off\" \$(touch harm) \\ &lt;!channel&gt; @​here größe: y is ERROR (SOURCE_TOO_LONG)
ID id-bad, host e2e
\"3 h\" &amp; 12 min \\  &lt;b&gt;\$(touch $work/harm)&lt;/b&gt; \`touch $work/harm\` 🎬 @​all"
is "as JSON" "$(posts /hooks '.headers["content-type"]' | sort -u)" '"application/json"'

ok "both are annotations" wait_for at_least 2 post_count /grafana
is "by Grafana's API, with the token" \
  "$(posts /grafana '[.path, .headers.authorization]' | sort -u)" \
  '["/grafana/api/annotations","Bearer glsa_top-secret"]'
bad=$(posts /grafana '.body | fromjson | select(.tags | index("severity:failure"))')
is "with tags, without colons in them" "$(jq -c .tags <<<"$bad")" \
  '["camb_task","severity:failure","task:50% \"off\" $(touch harm) \\ <!channel> @here größe- y","status:error","host:e2e"]'
is "with a text" "$(jq -r .text <<<"$bad")" \
  "50% \"off\" \$(touch harm) \\ &lt;!channel&gt; @here größe: y is ERROR (SOURCE_TOO_LONG)<br>ID id-bad, host e2e<br>\"3 h\" &amp; 12 min \\  &lt;b&gt;\$(touch $work/harm)&lt;/b&gt; \`touch $work/harm\` 🎬 @all"
ok "with the time in ms" awk -v now="$(date +%s)" \
  '{ exit !($1 == int($1) && $1 / 1000 > now - 300 && $1 / 1000 < now + 300) }' <<<"$(jq .time <<<"$bad")"

put_notification other disk full
ok "another plugin's is posted if asked for" wait_for posted /all full
simulate <<<'key another-key'
ok "an account's is posted" wait_for posted /hooks "Account default: the API rejects the key"
ok "and an annotation" wait_for posted /grafana account:default
simulate <<<'key test-key'
ok "until it is over" wait_for posted /hooks "accepts the key again"

# Something that answers no more, and then nothing at all
secret webhook.url "$http_receiver_url/hang/top-secret"
sed -i 's/timeout=10 retries=3/timeout=4 retries=0/' "$script"
simulate <<<'task later error=INTERNAL_ERROR'
ok "a request that is not answered" wait_for at_least 1 post_count /hang
ok "rounds go on" rounds_pass 4
ok "ends, and syslog has it" wait_for in_syslog \
  "^-t camb-notify -p daemon.err -- ${http_receiver_url#http://}: not sent: .*timed out"
secret webhook.url "http://127.0.0.1:$(free_port)/hooks/top-secret"
simulate <<<'task later timeout
task endless timeout'
ok "syslog has it when nobody listens" wait_for in_syslog \
  '127.0.0.1:[0-9]*: not sent: .*(refused|connect)'
ok "the secret is not in syslog" not in_syslog secret
ok "the annotations went on" wait_for posted /grafana status:timeout
idle() { ! pgrep -u "$user" -f "$script" >/dev/null; }
ok "all have ended" wait_for idle
is "each was posted once" "$(posts /hooks .body | sed 's/.*\(OKAY\|FAILURE\): \([^ ]* [^ ]*\).*/\1 \2/' | sort)" \
  'FAILURE 50% \\\"off\\\"
FAILURE Account default:
OKAY Account default:
OKAY trailer-fr is'
is "to Grafana, too" "$(post_count /grafana)" 6
is "with one more, and without OKAYs, where that was asked for" \
  "$(posts /all .body | grep -c 'OKAY') $(post_count /all)" "0 5"
ok "no command was run" not test -e "$work/harm"
stop_collectd

# --- By hand -----------------------------------------------------------------

sed -i 's/timeout=4 retries=0/timeout=10 retries=0/' "$script"
notification="Severity: WARNING
Time: 1700000000.123
Host: e2e
Plugin: camb_task
PluginInstance: slow
Type: gauge
TypeInstance: status
task_id: slow
status: PENDING
elapsed: 7.260000e+03

Task slow is still PENDING"
# notify ARGUMENT...: sets status and output
notify() {
  output=$("${shell[@]}" "$script" "$@" 2>&1 <<<"${input-$notification}")
  status=$?
}
shell=(bash)
# An unprivileged user, where there is one to be: root reads every file.
[ "$(id -u)" -ne 0 ] || shell=(setpriv --reuid "$user" --clear-groups bash)
fails() {
  ok "$1" test "$status" -ne 0
  ok "$1: it says why" grep -Eq -- "$2" <<<"$output"
  ok "$1: without the secret" not grep -q secret <<<"$output"
}
to() { secret webhook.url "$http_receiver_url$1"; }

to /one/top-secret
notify slack "$work/webhook.url"
is "what is stuck is posted" "$status $(posts /one | jq -r .text)" "0 🟡 WARNING: slow is still PENDING
after 2 h 1 min, host e2e"
notify discord "$work/webhook.url"
is "Discord gets what it takes" "$(posts /one | tail -n 1 | jq -c '[keys, .allowed_mentions]')" \
  '[["allowed_mentions","content"],{"parse":[]}]'
notify grafana "$http_receiver_url/g" "$work/grafana.token"
is "Grafana gets the time of the notification" "$(posts /g/api | jq .time)" 1700000000123
input=${notification/camb_task/df} notify slack "$work/webhook.url"
is "another plugin's is left out" "$status $(post_count /one)" "0 2"
input=${notification/WARNING/OKAY} notify --no-okay slack "$work/webhook.url"
is "so is an OKAY, if asked for" "$status $(post_count /one)" "0 2"
input="Severity: FAILURE
Host: e2e
Plugin: camb_api
PluginInstance: default
Type: gauge
TypeInstance: up
DataSource: value
FailureMax: nan

Host e2e, plugin camb_api: too low" notify slack "$work/webhook.url"
is "a threshold's is posted" "$(posts /one | tail -n 1 | jq -r .text)" \
  "🔴 FAILURE: Host e2e, plugin camb_api: too low
host e2e"

input="Severity: WARNING
Plugin: camb_task
PluginInstance: slow
status: ERROR
message: a: b
Severity: OKAY
Plugin: df
status: SUCCESS

Text" notify slack "$work/webhook.url"
is "meta data don't change what collectd says" "$(posts /one | tail -n 1 | jq -r .text)" \
  "🟡 WARNING: slow is ERROR
a: b"

to /fail/503/1/top-secret
notify slack "$work/webhook.url"
is "no second attempt if none is wanted" "$(post_count /fail/503)" 1
fails "a refusal" '^camb-notify: 127.0.0.1:[0-9]*: not sent: .*503'
to /fail/429/1/top-secret
notify --retries 2 slack "$work/webhook.url"
is "a second attempt after 429" "$status $(post_count /fail/429)" "0 2"
port=$(free_port)
secret webhook.url "http://127.0.0.1:$port/late/top-secret"
"${shell[@]}" "$script" --retries 3 slack "$work/webhook.url" <<<"$notification" &
late=$!
pids+=("$late")
ok "nobody listens" wait_for eval "pgrep -P \"\$(pgrep -d, -P $late)\" curl"
sleep 0.5 # so that curl has tried
mkdir "$work/late"
python3 "$top_srcdir/tests/e2e/http_receiver.py" "$port" "$work/late" \
  >"$work/late.log" 2>&1 &
pids+=($!)
ok "a server that starts a moment later is found" wait "$late"
is "and gets it once" "$(find "$work/late" -name '*.json' | wc -l)" 1
to /fail/404/9/top-secret
notify --retries 2 slack "$work/webhook.url"
is "none after 404" "$(post_count /fail/404)" 1
fails "an unknown webhook" '404'

: >"$work/empty"
notify slack "$work/empty"
fails "an empty file" "$work/empty"
notify slack "$work/top/none"
fails "a file that is missing" "$work/top/none"
notify slack "$work/bin"
fails "a directory" "^camb-notify: $work/bin"
ok "and it is in the log" in_syslog "$work/bin"
notify --timeout 0 slack "$work/webhook.url"
fails "no end of waiting" '^camb-notify: --timeout 0'
for url in 'top-secret' 'ftp://top-secret/' 'https:///secret' \
  'http://127.0.0.1/"secret' 'http://127.0.0.1/\secret' $'http://127.0.0.1/\xff-secret'; do
  secret webhook.url "$url"
  notify slack "$work/webhook.url"
  fails "a bad URL" 'URL'
done
secret grafana.token 'a"secret'
notify grafana "$http_receiver_url" "$work/grafana.token"
fails "a bad token" token
notify slack
fails "an argument too few" --help
notify teams "$work/webhook.url"
fails "an unknown format" --help
for program in curl jq flock; do
  mkdir "$work/no-$program"
  for other in bash cat head curl jq flock logger; do
    [ "$other" = "$program" ] || ln -s "$(command -v "$other")" "$work/no-$program"
  done
  output=$(PATH=$work/no-$program "$BASH" "$script" slack "$work/webhook.url" 2>&1 <<<"$notification")
  status=$?
  fails "no $program" "^camb-notify: $program is missing"
done

# Held by the receiver, it can be looked at.
to /hang/held-secret
"${shell[@]}" "$script" --timeout 600 slack "$work/webhook.url" <<<"$notification" >/dev/null 2>&1 &
held=$!
pids+=("$held")
ok "a request is held" wait_for at_least 1 post_count /hang/held
command_lines() { cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' '; }
ok "its command lines are seen" grep -q "curl .*--max-time 600 " <<<"$(command_lines)"
ok "the secret is in none" not grep -q held-secret <<<"$(command_lines)"
"${shell[@]}" "$script" --timeout 1 slack "$work/webhook.url" \
  <<<"$notification" >/dev/null 2>&1 &
waiting=$!
pids+=("$waiting")
ok "another waits" wait_for eval "pgrep -P $waiting flock"
is "for its turn" "$(post_count /hang/held)" 1
kill "$(pgrep -P "$(pgrep -d, -P "$held")" curl)"
ok "and gets it" wait_for at_least 2 post_count /hang/held
wait "$held" "$waiting"

# Whatever comes in, what goes out is JSON of the right shape.
to /fuzz/top-secret
secret grafana.token glsa_top-secret
mkdir "$work/fuzz"
python3 - "$work/fuzz" <<'END'
import random, sys
dice = random.Random(4711)
valid = (b"Severity: FAILURE\nTime: 1700000000.123\nHost: e2e\nPlugin: camb_task\n"
    b"PluginInstance: a\ntask_id: b\nstatus: ERROR\nexception_reason: c\n"
    b"message: d\nstudio_url: https://e/\nelapsed: 1.0e+00\n\nTask a is ERROR\n")
pieces = [b"\0", b"\n", b"\n\n", b": ", b"\xff", b"\xc3", b"\xed\xa0\x80", b'"',
    b"\\", b"$(reboot)", b"`", b"%s%n", b"\r", b"\x1b[2J", "\u202e🎬".encode(), b"nan",
    b"-1e999", b"{}", b"null", b"]", b"\\u0000", b"'", b"A" * 70000, b"<!here>", b"\x7f"]
for number in range(30):
    text = bytearray(valid)
    for _ in range(dice.randrange(1, 12)):
        at = dice.randrange(len(text) + 1)
        if dice.random() < 0.3:
            del text[at:at + dice.randrange(30)]
        else:
            text[at:at] = dice.choice(pieces + [dice.randbytes(8)])
    with open("%s/%02d" % (sys.argv[1], number), "wb") as file:
        file.write(b"Plugin: camb_task\n" + text)
with open(sys.argv[1] + "/empty", "wb"):
    pass
END
broken=0
for file in "$work"/fuzz/*; do
  "${shell[@]}" "$script" --all-plugins slack "$work/webhook.url" <"$file" || broken=$((broken + 1))
  "${shell[@]}" "$script" --all-plugins grafana "$http_receiver_url/fuzzed" "$work/grafana.token" <"$file" || broken=$((broken + 1))
done 2>"$work/fuzz.log"
is "no input is too strange" "$broken $(cat "$work/fuzz.log")" "0 "
is "each makes one message" "$(post_count /fuzz/) $(post_count /fuzzed/)" "31 31"
is "of the right shape" "$(posts /fuzz/ '.body | fromjson |
  keys == ["text"] and (.text | type == "string" and length > 9 and length < 4000 and
    (test("[\u0000-\u0009\u000b-\u001f\u202e<>]") | not))' | sort | uniq -c | tr -s ' ')" " 31 true"
is "for Grafana, too" "$(posts /fuzzed/ '.body | fromjson |
  keys == ["tags", "text", "time"] and (.time | type == "number" and . > 0 and . == floor) and
  (.text | type == "string" and length > 0) and
  (.tags | length >= 2 and all(.[]; type == "string" and utf8bytelength <= 110 and (split(":") | length) <= 2))' |
  sort | uniq -c | tr -s ' ')" " 31 true"

done_testing
