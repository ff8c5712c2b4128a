#!/bin/bash
# SPDX-License-Identifier: MIT
# examples/notifications/email.conf with a real mail server.
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "${0%/*}/lib.sh"
need "$collectd" collectdctl curl jq aiosmtpd python3

plugins=$("$collectd" -h | sed -n 's,^ *Plugin directory *\(/.*\),\1,p')
if ldd "$plugins/notify_email.so" 2>&1 | grep -q 'not found\|No such'; then
  skip_all "there is no notify_email, or libesmtp6 is not installed"
fi

export VALUE_TIMEOUT=40 INTERVAL=0.25

mails=$work/mails
smtp_port=$(free_port)
start_smtp() {
  aiosmtpd -n -l "127.0.0.1:$smtp_port" -c aiosmtpd.handlers.Mailbox "$mails" \
    >"$work/smtp.log" 2>&1 &
  smtp=$!
  pids+=("$smtp")
  wait_for listening "$smtp_port" || skip_or_bail "aiosmtpd did not start"
}

# mails_of NAME: the files of those about a task, or an account
mails_of() { grep -lxF "Plugin instance: $1" "$mails"/new/* 2>/dev/null; }
mailed() { [ -n "$(mails_of "$1")" ]; }
# header FILE NAME
header() { sed -n -e '/^$/q' -e "s/^$2: *//p" "$1"; }
# The text, without the date.
text() { sed -e '1,/^$/d' "$1" | sed 's/^[0-9-]* [0-9:]* - /DATE - /'; }

MORE_CONF=$(sed -e 's/"localhost"/"127.0.0.1"/' -e "s/SMTPPort 25$/SMTPPort $smtp_port/" \
  "$top_srcdir/examples/notifications/email.conf")
export MORE_CONF

start_smtp
start_simulator <<'EOF'
task plain success=4711
task percent error=SOURCE_TOO_LONG message="100% of %s\n.\nFrom: %n"
task umlaut payment_required
task later
task endless
EOF
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  MaxErrorInterval 1
  Task "plain"
  Task "percent" "50% off %s %n"
  Task "umlaut" "größe"
  Task "later"
  Task "endless"
</Plugin>
EOF

for name in plain '50% off %s %n' größe; do
  ok "an end is mailed ($name)" wait_for mailed "$name"
done
mail=$(mails_of '50% off %s %n')
is "with severity and host in the subject" "$(header "$mail" Subject)" \
  "CAMB.AI: FAILURE on e2e"
is "from whom it is said to be" "$(header "$mail" X-MailFrom)" collectd@example.com
is "to whom it is to go" "$(header "$mail" X-RcptTo)" media-team@example.com
is "with the whole text" "$(text "$mail" | tr -d '\r')" \
  "DATE - FAILURE@e2e

Host: e2e
Plugin: camb_task
Plugin instance: 50% off %s %n
Type: gauge
Type instance: status

Message: Task 50% off %s %n is ERROR, reason SOURCE_TOO_LONG, ID percent: 100% of %s . From: %n"
is "an OKAY is one" "$(header "$(mails_of plain)" Subject)" "CAMB.AI: OKAY on e2e"
ok "UTF-8 stays what it is" grep -q "^Message: Task größe is PAYMENT_REQUIRED" \
  "$(mails_of größe)"

# What email.conf says of notify_email.
put_notification other disk full
ok "any plugin's notification is mailed" wait_for mailed disk

end_process "$smtp"
simulate <<<'key another-key'
ok "a server that is gone is in the log" wait_for log_has \
  'notify_email plugin: SMTP server problem'
ok "rounds go on" rounds_pass 4
start_smtp
simulate <<<'key test-key'
ok "the next notification is mailed" wait_for mailed default
simulate <<<'task later timeout'
ok "and one more" wait_for mailed later
ok "rounds go on" rounds_pass 8
messages() { cat "$mails"/new/* | tr -d '\r' | sed -n 's/^Message: //p' | sort "$@"; }
# The one after that may be there twice: notify_email has kept a pointer to the
# text that it could not send.
is "all but the one that met no server are mailed" \
  "$(messages -u | sed 's/ after [0-9.]* s//')" \
  "Account default: the API accepts the key again
Task 50% off %s %n is ERROR, reason SOURCE_TOO_LONG, ID percent: 100% of %s . From: %n
Task größe is PAYMENT_REQUIRED, ID umlaut
Task later is TIMEOUT
Task plain is SUCCESS, run 4711
full"
is "each of the tasks' once" "$(messages | grep '^Task' | uniq -d)" ""
stop_collectd

done_testing
