#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Posts a notification of collectd to a chat, or to Grafana as an annotation. For
# the exec plugin, which starts it once for each notification; webhook.conf and
# grafana-annotation.conf say how to install it.
set -uo pipefail
export LC_ALL=C

usage() {
  cat <<'EOF'
Usage: camb-notify.sh [OPTION...] slack URL-FILE
       camb-notify.sh [OPTION...] discord URL-FILE
       camb-notify.sh [OPTION...] grafana URL TOKEN-FILE

Reads a notification as collectd's exec plugin writes it from standard input, and
posts it

  slack    as {"text": ...}, to Slack, Mattermost and others that take the same
  discord  as {"content": ...}
  grafana  as an annotation for all dashboards

The webhook's URL, or the token of a Grafana service account, is the first line
of the file, which the user that this runs as has to be able to read.

  --no-okay          leave out what is of severity OKAY
  --all-plugins      also post what does not come from camb_task, or from a
                     threshold on its values
  --timeout SECONDS  for one attempt; default 10
  --retries N        after time-outs, refused connections, 408, 429 and 5xx;
                     default 3, within a minute

What goes wrong is said to syslog, since the exec plugin reads no output.
EOF
}

# Standard error leads nowhere under collectd; syslog is where Debian's collectd
# has its own lines.
fail() {
  logger -t camb-notify -p daemon.err -- "$*" 2>/dev/null
  printf 'camb-notify: %s\n' "$*" >&2
  exit 1
}

misused() {
  fail "$*; see camb-notify.sh --help"
}

# In: the notification. Out: the body to post, or nothing.
# shellcheck disable=SC2016 # the dollars are jq's
message='
  # Control characters, and what would change lines or directions, are spaces.
  def clean: explode | map(if . < 32 or (. >= 127 and . < 160) or
      (. >= 8232 and . <= 8238) or (. >= 8294 and . <= 8297)
    then 32 else . end) | implode;
  def cut($most): if length > $most then .[:$most - 1] + "…" else . end;
  def html: gsub("&"; "&amp;") | gsub("<"; "&lt;") | gsub(">"; "&gt;");
  # An "@" that calls nobody: Mattermost takes plain text for a mention.
  def quiet: gsub("@"; "@\u200b");
  def number: (tonumber? // null) | select(. != null and . >= 0 and . < 1e11);
  def duration: if . < 60 then "\(floor) s"
    elif . < 3600 then "\(. / 60 | floor) min \(floor % 60) s"
    else "\(. / 3600 | floor) h \(. / 60 | floor % 60) min" end;
  # Grafana splits a tag at its colons, and has room for 100 bytes.
  def tag($key): .[:100] | gsub(":"; "-") |
    until(utf8bytelength <= 100; .[:-1]) | $key + ":" + .;

  # Header lines up to an empty one. The first of a name is the real one: the
  # meta data, in which others have a say, come last.
  split("\n") as $lines |
  (($lines | index("")) // ($lines | length)) as $blank |
  (reduce $lines[:$blank][] as $line ({};
    ($line | split(": ")) as $words |
    if ($words | length) < 2 or has($words[0]) then .
    else .[$words[0]] = ($words[1:] | join(": ") | clean) end)) as $header |
  ($lines[$blank + 1:] | join("\n") | rtrimstr("\n") | clean | cut(600)) as $text |

  ($header.Plugin // "") as $plugin |
  select($all or $plugin == "camb_task" or $plugin == "camb_api") |
  ($header.Severity // "UNKNOWN" | cut(20)) as $severity |
  select($no_okay and $severity == "OKAY" | not) |

  ({"OKAY": "🟢", "WARNING": "🟡", "FAILURE": "🔴"}[$severity] // "⚪") as $sign |
  ($header.PluginInstance // "" | cut(150)) as $name |
  ($header.status // "" | cut(50)) as $status |
  ($plugin == "camb_task" and $status != "") as $is_task |
  # what, details, why, and where to look at it
  ([ (if $is_task then
        "\($name) is \(if $status == "PENDING" then "still " else "" end)\($status)" +
        ($header.exception_reason // "" | if . == "" then . else " (\(.))" end)
      elif $text == "" then "\($plugin) \($name)"
      else $text end | cut(400)),
     ([ (if $is_task then
          ($header.elapsed // "" | number | "after \(duration)"),
          ($header.run_id | values | "run \(.)"),
          ($header.task_id | values | select(. != $name) | "ID \(.)"),
          ($header.project_name | values | "project \(.)")
         else empty end),
        ($header.Host | values | "host \(.)") | cut(150) ] |
      join(", ") | cut(500)),
     (if $is_task then $header.message // "" else "" end | cut(400)) ] |
    map(select(. != ""))) as $facts |
  ([$header.studio_url | values | select(length <= 480 and
    test("^https?://[^[:space:]<>\"\u0027]+$"))]) as $links |

  if $format == "slack" then
    { text: (["\($sign) \($severity): \($facts[0])"] + $facts[1:] |
        map(quiet | html) + ($links | map(html)) | join("\n")) }
  elif $format == "discord" then
    { content: (["\($sign) \($severity): \($facts[0])"] + $facts[1:] |
        map(quiet) + $links | join("\n")),
      allowed_mentions: { parse: [] } }
  else
    { time: ([$header.Time // "" | number, now][0] * 1000 | floor),
      tags: [ "camb_task", ($severity | ascii_downcase | tag("severity")),
        ($name | select(. != "") |
          tag(if $plugin == "camb_api" then "account" else "task" end)),
        ($status | select($is_task) | ascii_downcase | tag("status")),
        ($header.Host | values | tag("host")) ],
      text: (($facts | map(html)) + ($links |
          map("<a href=\"\(html)\" target=\"_blank\">Studio</a>")) |
        join("<br>")) }
  end'

# first_line FILE WHAT: sets secret. Locks the file until the end, too: however
# many notifications come at once, one request at a time goes to one place.
first_line() {
  { [ -r "$1" ] && [ ! -d "$1" ]; } || fail "$1, for the $2, can't be read"
  exec {lock}<"$1"
  flock -w 120 "$lock" ||
    fail "not sent: 120 s have gone by while others were sent"
  read -r secret <&"$lock"
  secret=${secret%%[[:space:]]*}
  [ -n "$secret" ] || fail "$1, for the $2, is empty"
}

# Secrets go to curl by a pipe: in its arguments all users would see them.
curl_configuration() {
  printf 'url = "%s"\n' "$url"
  [ -z "$token" ] || printf 'header = "Authorization: Bearer %s"\n' "$token"
}

url='' token='' all=false no_okay=false timeout=10 retries=3
while [ "$#" -gt 0 ]; do
  case $1 in
  -h | --help)
    usage
    exit
    ;;
  --all-plugins) all=true ;;
  --no-okay) no_okay=true ;;
  --timeout | --retries)
    [[ ${2-} =~ ^[0-9]{1,4}$ ]] || misused "$1 needs a number"
    [ "$1" = --retries ] || timeout=$2
    [ "$1" = --timeout ] || retries=$2
    # to curl, 0 is for ever, and all others wait for their turn
    [ "$timeout" -gt 0 ] || misused "--timeout 0 would be for ever"
    shift
    ;;
  -*) misused "there is no option $1" ;;
  *) break ;;
  esac
  shift
done
format=${1-}
case "$format $#" in
'slack 2' | 'discord 2') file=$2 ;;
'grafana 3') url=$2 file=$3 ;;
*) misused "the arguments are not understood" ;;
esac
for program in curl jq flock; do
  command -v "$program" >/dev/null ||
    fail "$program is missing (Debian's package ${program/flock/util-linux})"
done

body=$(head -c 65536 | jq -Rsac --arg format "$format" --argjson all "$all" \
  --argjson no_okay "$no_okay" "$message" 2>&1) ||
  fail "no message can be made of a notification: ${body:0:300}"
[ -n "$body" ] || exit 0

if [ "$format" = grafana ]; then
  first_line "$file" token
  token=$secret
  [[ $token =~ ^[A-Za-z0-9._~+/=-]+$ ]] || fail "$file does not begin with a token"
  url=${url%/}/api/annotations
else
  first_line "$file" URL
  url=$secret
fi
# Of a URL, only the host may be said.
[[ $url =~ ^https?://([^/?#@]*@)?([^/?#@]+)([/?#]|$) ]] ||
  fail "the URL does not begin with http:// or https:// and a host"
place=${BASH_REMATCH[2]}
[[ ! $url =~ [^[:graph:]]|[\"\\] ]] || fail "$place: the URL is not well-formed"

error=$(curl -q -sS --fail -o /dev/null --globoff --proto =http,https \
  --max-time "$timeout" --retry "$retries" --retry-connrefused \
  --retry-max-time 60 -H 'Content-Type: application/json' -H 'Expect:' \
  -K <(curl_configuration) --data-binary @- 2>&1 <<<"$body") ||
  fail "$place: not sent: ${error##*$'\n'}"
