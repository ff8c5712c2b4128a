#!/bin/sh
# SPDX-License-Identifier: MIT
# What one finds on the web: for collectd's exec plugin, a curl and a jq for each
# task. poll-each.sh URL CA-FILE TASK-FILE
while :; do
  while read -r task; do
    code=$(curl -sS --cacert "$2" --max-time 10 -H 'x-api-key: test-key' \
      "$1/project-setup/$task" |
      jq -r '{SUCCESS: 0, PENDING: 1, ERROR: 2, TIMEOUT: 3, PAYMENT_REQUIRED: 4}[.status] // -1')
    echo "PUTVAL \"$COLLECTD_HOSTNAME/camb_task-$task/gauge-status\"" \
      "interval=$COLLECTD_INTERVAL N:${code:-U}"
  done <"$3"
  sleep "$COLLECTD_INTERVAL"
done
