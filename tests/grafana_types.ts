// SPDX-License-Identifier: MIT
//
// What a dashboard of examples/grafana has to be: Grafana's own types, put
// together where Grafana leaves it open (a panel's options depend on its type).
// For tests/grafana.test.sh.

import type * as grafana from '@grafana/schema';
import type * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as stateTimeline from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type * as table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as timeSeries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

// The same in JSON, where a member of an enumeration is a plain string.
type Json<T> = T extends string
  ? `${T}`
  : T extends number | boolean | null | undefined
    ? T
    : T extends Array<infer Item>
      ? Array<Json<Item>>
      : T extends object
        ? { [Key in keyof T]: Json<T[Key]> }
        : T;

type Properties<T, Prefix extends string> = {
  [Key in keyof T & string]-?: { id: `${Prefix}${Key}`; value: Json<T[Key]> };
}[keyof T & string];

type FieldConfig = Omit<grafana.FieldConfig, 'custom'>;

interface Override<Custom> {
  matcher: { id: 'byName' | 'byFrameRefID'; options: string };
  properties: Array<Properties<FieldConfig, ''> | Properties<Custom, 'custom.'>>;
}

// Of the queries, @grafana/schema has only what all data sources have in common.
interface Prometheus extends Json<grafana.DataQuery> {
  expr: string;
  format?: 'time_series' | 'table';
  instant?: boolean;
  legendFormat?: string;
}
interface InfluxQL extends Json<grafana.DataQuery> {
  alias?: string;
  query: string;
  rawQuery: true;
  resultFormat: 'time_series' | 'table';
}

interface Panel<Query, Type extends string, Options, Custom>
  extends Omit<Json<grafana.Panel>, 'type' | 'options' | 'fieldConfig' | 'targets'> {
  type: Type;
  options: Json<Options>;
  fieldConfig: {
    defaults: Json<FieldConfig> & { custom?: Json<Custom> };
    overrides: Array<Override<Custom>>;
  };
  targets: Query[];
}

// Of the data source that Grafana itself is.
interface AnnotationQuery
  extends Omit<Json<grafana.AnnotationQuery>, 'target'> {
  target: Json<grafana.DataQuery> & Json<grafana.AnnotationTarget>;
}

interface Dashboard<Query>
  extends Omit<Json<grafana.Dashboard>, 'annotations' | 'panels'> {
  annotations: { list: AnnotationQuery[] };
  panels: Array<
    | Json<grafana.RowPanel>
    | Panel<Query, 'stat', stat.Options, Record<string, never>>
    | Panel<Query, 'state-timeline', stateTimeline.Options, stateTimeline.FieldConfig>
    | Panel<Query, 'table', table.Options, table.FieldConfig>
    | Panel<Query, 'timeseries', timeSeries.Options, timeSeries.FieldConfig>
  >;
}

export interface Dashboards {
  prometheus: Dashboard<Prometheus>;
  influxdb: Dashboard<InfluxQL>;
}
