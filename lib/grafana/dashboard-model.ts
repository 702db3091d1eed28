/**
 * One form for all Grafana dashboards, whatever schema their JSON has (`lib/grafana/read-dashboard.ts` reads it). A
 * missing text is the empty string, and a missing list is empty.
 */
export interface Dashboard {
  /** The file or other origin. */
  source: string
  uid: string
  title: string
  tags: readonly string[]
  /** The initial time range, such as `now-1h` to `now`, and the refresh interval, such as `10s`. */
  time: { from: string; to: string; refresh: string }
  links: readonly Link[]
  /** In the order of the screen, those of collapsed rows too. A row is not a panel. */
  panels: readonly Panel[]
  variables: readonly Variable[]
  /** What was skipped, with the reasons. */
  skipped: readonly Skipped[]
}

/** A link of a dashboard, a panel, or a panel's fields. */
export interface Link {
  title: string
  /** The URL with its variables. Empty for a list of dashboards by tags. */
  url: string
  /** The tags of a link that lists dashboards. */
  tags: readonly string[]
}

/** A datasource in the JSON. */
export interface Datasource {
  /** `prometheus`, `loki`, …; for a variable or an input, its type. Empty where unknown. */
  type: string
  /** A uid, name or variable: `prometheus`, `${datasource}`. */
  uid: string
}

/** One panel. */
export interface Panel {
  /** Unique in the dashboard. */
  id: number
  title: string
  /** `timeseries`, `stat`, `table`; in old dashboards also `graph` and `singlestat`. */
  type: string
  description: string
  /** Grafana's unit id of the panel's values without overrides: `bytes`, `percentunit`. */
  unit: string
  fieldConfig: FieldConfig
  /** The options of the panel's type, not validated. */
  options: Readonly<Record<string, unknown>>
  transformations: readonly Transformation[]
  /** The links of the panel and of its fields, overrides included. */
  links: readonly Link[]
  gridPos: { x: number; y: number; w: number; h: number }
  /** The title of its row. */
  row: string
  /** The variables by which it or its row is repeated. */
  repeats: readonly string[]
  /** By which variable it is repeated itself: empty for none; side by side, so many at most, or one below the other. */
  repeat: { variable: string; isVertical: boolean; maxPerRow: number }
  place: RowPlace
  /** The links of the panel, without those of its fields. */
  ownLinks: readonly Link[]
  datasource: Datasource
  /** The minimum step (`1m`) of targets without their own. */
  interval: string
  /** The queries to a Prometheus, or to an unknown datasource. */
  targets: readonly Target[]
}

/** The row of a panel. */
export interface RowPlace {
  /** Its number in the dashboard; 0 before the first row. */
  at: number
  /** The variable by which the row is repeated; empty for none. */
  repeat: string
  isCollapsed: boolean
  /** The title of the tab that it is in; empty without tabs. */
  tab: string
}

/** How values are shown: for all fields, and by override. */
export interface FieldConfig {
  defaults: Readonly<Record<string, unknown>>
  overrides: readonly Override[]
}

/** An override: its fields (`byName`, `Value #A`), and the properties that it sets, by id (`unit`, `links`). */
export interface Override {
  matcher: { id: string; options: unknown }
  properties: Readonly<Record<string, unknown>>
}

/** A transformation: its id (`joinByField`, `organize`) and options. */
export interface Transformation {
  id: string
  options: Readonly<Record<string, unknown>>
  disabled: boolean
}

/** One PromQL query of a panel. */
export interface Target {
  refId: string
  /** The query with Grafana's variables. Never empty. */
  expr: string
  /** Both can be true: Grafana then sends both queries. */
  instant: boolean
  range: boolean
  /** `time_series`, `table` or `heatmap`. */
  format: string
  legendFormat: string
  /** Hidden; other targets may refer to it. */
  hide: boolean
  datasource: Datasource
  /** The minimum step of this target; empty for the panel's. */
  interval: string
}

/** A dashboard's variable. */
export interface Variable {
  name: string
  /** `query`, `datasource`, `custom`, `interval`, `constant`, `textbox`, `adhoc`, … */
  type: string
  label: string
  /**
   * The query (`label_values(up, job)`), the type of a datasource, the list of a custom or interval variable, the
   * value of a constant or textbox.
   */
  query: string
  /** A regular expression that filters and cuts the query's values: `/^team-(.*)/`. */
  regex: string
  multi: boolean
  includeAll: boolean
  /** The value of All; empty: all values. */
  allValue: string
  /** The selected values; `$__all` for All. */
  current: readonly string[]
  hide: 'no' | 'label' | 'variable'
  datasource: Datasource
}

/** A part of a dashboard that was skipped, and the reason. */
export interface Skipped {
  kind: 'panel' | 'target' | 'variable'
  /** The panel's title or the variable's name. */
  name: string
  /** Empty where it is not a target. */
  refId: string
  /** "asks Loki, not Prometheus". */
  reason: string
}
