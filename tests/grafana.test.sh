#!/bin/bash
# SPDX-License-Identifier: MIT
# The Grafana dashboards of examples/grafana, as files: what Grafana and its
# readers want of them. tests/e2e/dashboards.test.sh asks their queries.
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "${0%/*}/e2e/lib.sh"
need jq

# Those of Grafana that they are held against, on npm.
schema=@grafana/schema@13.2.3
compiler=typescript@5.9.3

dashboards=$top_srcdir/examples/grafana

# holds NAME JQ-EXPRESSION: both dashboards have it.
holds() {
  local dashboard
  for dashboard in prometheus influxdb; do
    ok "$dashboard: $1" prints true \
      jq --argjson states "$states" --argjson outcomes "$outcomes" "
        def visible: .panels[] | select(.type != \"row\");
        $2" "$dashboards/camb_task-$dashboard.json"
  done
}

# What the plugin's sources say: {"CODE": "WORD"...}, and the outcomes.
states=$(sed -n 's/^ *X([A-Z_]*, "\([a-z_]*\)", \(-*[0-9]*\),.*/\2 \1/p' \
  "$top_srcdir/src/task_state.h" | jq -nR '[inputs / " "
    | {(.[0]): (if .[1] == "unknown" then .[1] else .[1] | ascii_upcase end)}] | add')
outcomes=$(sed -n 's/^ *X([A-Z_]*, "\([a-z_]*\)".*/\1/p' "$top_srcdir/src/outcome.h" |
  jq -nR '[inputs]')
is "the sources have six states" "$(jq length <<<"$states")" 6
is "and nine outcomes" "$(jq length <<<"$outcomes")" 9

# --- The files ---------------------------------------------------------------

for file in "$dashboards"/*.json; do
  ok "${file##*/} is formatted as jq does it" cmp -s "$file" <(jq . "$file")
done
holds "can be imported anywhere: no identity, no data source of its own" \
  '(.id == null) and (has("uid") or has("__inputs") or has("version") | not)
    and ([.. | objects | select(has("uid")) | .uid] | unique
      == ["${datasource}", "-- Grafana --"])'
holds "every panel has its data source" \
  '. as $all | [visible | .datasource.type == $all.templating.list[0].query] | all'
holds "every panel says what it shows" \
  '[visible | (.title, .description, .fieldConfig.defaults.noValue) | length > 0] | all'
holds "every panel has a unit" \
  '[visible | .fieldConfig.defaults.unit | IN("none", "s", "reqpm")] | all'
holds "every title and every ID is there once" \
  '[[.panels[].title], [.panels[].id] | length == (unique | length)] | all'
holds "every variable is explained" '[.templating.list[] | .description | length > 0] | all'
holds "it fits on a screen" \
  '[.panels[].gridPos | .x >= 0 and .x + .w <= 24 and .y + .h <= 20] | all'
holds "no panel is on another" \
  '[.panels[].gridPos] as $all | [range($all | length) as $i | range($i) as $j
    | $all[$i] as $a | $all[$j] as $b
    | $a.x + $a.w <= $b.x or $b.x + $b.w <= $a.x
      or $a.y + $a.h <= $b.y or $b.y + $b.h <= $a.y] | all'

# --- States and colours ------------------------------------------------------

# (fainter, with an opacity of 0x44, where a word in the theme's colour is on it)
holds "statuses are shown in two places, with the same words and colours" \
  '[.. | objects | select(.type? == "value" and (.options | has("-1")))
      | .options[].color |= sub("44$"; "")]
    | length == 2 and (unique | length == 1)'
holds "for every status there is" \
  'first(.. | objects | select(.type? == "value" and (.options | has("-1")))).options
    | map_values(.text) == $states'
holds "in colours that can be told apart by everybody" \
  'first(.. | objects | select(.type? == "value" and (.options | has("-1")))).options
    | map_values(.color) == {"0": "#009E73", "1": "#56B4E9", "2": "#D55E00",
        "3": "#E69F00", "4": "#CC79A7", "-1": "#999999"}'
holds "no others are used elsewhere" \
  '[.. | objects | (.color?, .fixedColor?) | strings | sub("44$"; "")] - ["#009E73", "#56B4E9",
    "#D55E00", "#E69F00", "#CC79A7", "#999999", "#F0E442", "#0072B2",
    "text", "transparent"] == []'
holds "every outcome of a request has one" \
  '[visible | select(.title == "Requests by outcome").fieldConfig.overrides[]
    | .matcher.options] | sort == ($outcomes | sort)'

# --- The table ---------------------------------------------------------------

# Grafana makes of an empty answer of Prometheus a frame with Time and a value,
# without labels, and "merge" leaves all apart if they have no field in common.
is "prometheus: tables are merged by time, too, so that an empty one is no hindrance" \
  "$(jq -c '.panels[] | select(.type == "table").transformations
      | [.[].id, .[-1].options.excludeByName]' "$dashboards/camb_task-prometheus.json")" \
  '["merge","organize",{"Time":true}]'
# InfluxDB's times are those of the values, which differ; its empty answers are
# no frames at all.
is "influxdb: they are merged without it" \
  "$(jq -c '.panels[] | select(.type == "table").transformations
      | [.[0], .[1:][].id]' "$dashboards/camb_task-influxdb.json")" \
  '[{"id":"filterFieldsByName","options":{"exclude":{"names":["Time"]}}},"merge","organize"]'

# --- Twins -------------------------------------------------------------------

# A dashboard without its queries, and without what their answers' form forces:
# the names of the table's columns, what is done with their times, and hidden
# variables.
without_queries() {
  jq 'del(.. | objects | select(has("uid")) | .type)
    | del(.panels[].targets[]? | .expr, .format, .instant, .legendFormat, .query,
        .rawQuery, .resultFormat, .alias)
    | del(.templating.list[] | .query, .regex)
    | del(.templating.list[] | select(.hide == 2))
    | del(.panels[].transformations[]? | select(.id == "filterFieldsByName"))
    | (.panels[].transformations[]? | select(.id == "organize").options) |= (
        . as $options | [.indexByName | to_entries | sort_by(.value)[]
          | $options.renameByName[.key] // .key])' "$dashboards/camb_task-$1.json"
}
ok "the dashboards differ in their queries only" \
  diff <(without_queries prometheus) <(without_queries influxdb)

# --- Grafana's types ---------------------------------------------------------

# typed NAME DASHBOARD [JQ-FILTER]: a program that is right if the dashboard is.
typed() {
  {
    printf "import type { Dashboards } from './grafana_types';\n"
    printf "export const dashboard: Dashboards['%s'] =\n" "$2"
    jq "${3:-.}" "$dashboards/camb_task-$2.json"
  } >"$work/npm/$1.ts"
}

# has_type NAME
has_type() { ! grep -qF "$1.ts(" "$work/npm/errors"; }

check_types() {
  local name filter
  typed prometheus prometheus
  typed influxdb influxdb
  while IFS='|' read -r name filter; do
    typed "$name" prometheus "$filter"
  done <"$work/mistakes"
  cp "$top_srcdir/tests/grafana_types.ts" "$work/npm"
  (cd "$work/npm" && node node_modules/typescript/bin/tsc --noEmit --strict \
    --skipLibCheck --module esnext --moduleResolution bundler --pretty false \
    ./*.ts) >"$work/npm/errors"
  ok "prometheus: it is of Grafana's types" has_type prometheus
  ok "influxdb: it is of Grafana's types" has_type influxdb
  grep -E '^(prometheus|influxdb|grafana_types)\.ts' "$work/npm/errors" | sed 's/^/# /'
  is "of Grafana's version" "$(jq -s 'map(.schemaVersion) | unique[]' "$dashboards"/*.json)" \
    "$(cd "$work/npm" && node -p 'require("@grafana/schema").defaultDashboard.schemaVersion')"
  while IFS='|' read -r name filter; do
    ok "of which this is none: $name" not has_type "$name"
  done <"$work/mistakes"
}

cat >"$work/mistakes" <<'EOF'
misspelt_option|.panels[4].options |= (.rowHeigth = .rowHeight)
wrong_choice|.panels[4].options.showValue = "sometimes"
missing_option|del(.panels[4].options.rowHeight)
misspelt_custom_option|.panels[10].fieldConfig.defaults.custom.fillOpcity = 80
wrong_override|.panels[5].fieldConfig.overrides[0].properties[1].value.mode = "bright"
unknown_panel|.panels[5].type = "tables"
misspelt_query|.panels[6].targets[0].exprr = "1"
query_of_another_source|.panels[6].targets[0].alias = "1"
wrong_variable|.templating.list[1].hide = 7
missing_version|del(.schemaVersion)
EOF

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  not_tested "the dashboards are of Grafana's types" "Node.js or npm is missing"
elif ! npm install --prefix "$work/npm" --ignore-scripts --no-audit --no-fund \
  --prefer-offline --fetch-retries 0 "$schema" "$compiler" >"$work/npm.log" 2>&1; then
  not_tested "the dashboards are of Grafana's types" "npm does not get $schema"
else
  check_types
fi

done_testing
