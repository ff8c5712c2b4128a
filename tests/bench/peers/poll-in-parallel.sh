#!/bin/sh
# SPDX-License-Identifier: MIT
# The same by somebody who knows curl and jq: one process of each in a round.
# poll-in-parallel.sh URL CA-FILE TASK-FILE
answers=$(mktemp -d) || exit
cd "$answers" || exit
trap 'rm -rf "$answers"' EXIT
trap 'exit 1' TERM
while read -r task; do
  printf 'url = "%s/project-setup/%s"\noutput = "%s"\n' "$1" "$task" "$task"
done <"$3" >.curlrc
while :; do
  curl -sS --parallel --parallel-max 100 --cacert "$2" --max-time 10 \
    -H 'x-api-key: test-key' --config .curlrc
  jq -r --arg host "$COLLECTD_HOSTNAME" --arg interval "$COLLECTD_INTERVAL" '
    ({SUCCESS: 0, PENDING: 1, ERROR: 2, TIMEOUT: 3, PAYMENT_REQUIRED: 4}[.status] // -1) as $code
    | "PUTVAL \"\($host)/camb_task-\(input_filename)/gauge-status\" interval=\($interval) N:\($code)"
  ' ./* | sed 's,camb_task-\./,camb_task-,'
  sleep "$COLLECTD_INTERVAL"
done
