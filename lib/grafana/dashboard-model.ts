/**
 * One form for every Grafana dashboard, whatever schema its JSON has (`lib/grafana/read-dashboard.ts` reads it). A text that the JSON
 * does not have is the empty string, a list that it does not have is empty.
 */
export interface Dashboard {
  /** The file it came from, or what else a person would call its origin. */
  source: string
  uid: string
  title: string
  tags: readonly string[]
  /** What Grafana would show first: `now-1h`, `now`; and the refresh, `10s`. */
  time: { from: string; to: string; refresh: string }
  links: readonly Link[]
  /** In the order of the screen, those of collapsed rows too. A row itself is no panel. */
  panels: readonly Panel[]
  variables: readonly Variable[]
  /** What can't be looked at, each with the reason. */
  skipped: readonly Skipped[]
}

/** A link of a dashboard, a panel, or a panel's fields. */
export interface Link {
  title: string
  /** As written, variables and all. Empty for a list of dashboards by tags. */
  url: string
  /** The tags by which a dashboard's link lists others. */
  tags: readonly string[]
}

/** A datasource as the JSON names it. */
export interface Datasource {
  /** `prometheus`, `loki`, …; of a variable or an input, the type it stands for. Empty when nothing says. */
  type: string
  /** uid, name or variable, as written: `prometheus`, `${datasource}`. */
  uid: string
}

/** One panel. */
export interface Panel {
  /** Unique in the dashboard. */
  id: number
  title: string
  /** `timeseries`, `stat`, `table`; of old dashboards also `graph` and `singlestat`, as they call themselves. */
  type: string
  description: string
  /** Grafana's unit id of the panel's values where no override says otherwise: `bytes`, `percentunit`. */
  unit: string
  fieldConfig: FieldConfig
  /** As the panel's kind has them; not narrowed. */
  options: Readonly<Record<string, unknown>>
  transformations: readonly Transformation[]
  /** The panel's own and those of its fields, overrides included. */
  links: readonly Link[]
  gridPos: { x: number; y: number; w: number; h: number }
  /** The title of the row it stands in. */
  row: string
  /** The variables it is repeated by, its row's included. */
  repeats: readonly string[]
  datasource: Datasource
  /** The least step, `1m`, as written; it holds for every target without one of its own. */
  interval: string
  /** The queries that go to a Prometheus, or to nobody knows whom. */
  targets: readonly Target[]
}

/** How values are shown: for all fields, and by override for some. */
export interface FieldConfig {
  defaults: Readonly<Record<string, unknown>>
  overrides: readonly Override[]
}

/** An override: the fields it is for (`byName`, `Value #A`) and what it sets, by property id (`unit`, `links`). */
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
  /** As written, with Grafana's variables. Never empty. */
  expr: string
  /** Both can be true: Grafana then asks for both. */
  instant: boolean
  range: boolean
  /** `time_series`, `table` or `heatmap`. */
  format: string
  legendFormat: string
  /** Not drawn, though other targets may refer to it. */
  hide: boolean
  datasource: Datasource
  /** The least step of this target, as written; empty: the panel's. */
  interval: string
}

/** A dashboard's variable. */
export interface Variable {
  name: string
  /** `query`, `datasource`, `custom`, `interval`, `constant`, `textbox`, `adhoc`, … */
  type: string
  label: string
  /** Of a query the text (`label_values(up, job)`), of a datasource its type, of custom and interval the list, of constant and textbox the value. */
  query: string
  /** Filters and cuts what the query gives, as written: `/^team-(.*)/`. */
  regex: string
  multi: boolean
  includeAll: boolean
  /** What stands for All; empty: every value. */
  allValue: string
  /** What is chosen; `$__all` for All. */
  current: readonly string[]
  /** The values that are known without asking. */
  options: readonly string[]
  hide: 'no' | 'label' | 'variable'
  datasource: Datasource
}

/** Something of a dashboard that was not read, and why. */
export interface Skipped {
  kind: 'panel' | 'target' | 'variable'
  /** The panel's title or the variable's name. */
  name: string
  /** Of a target. */
  refId: string
  /** "asks Loki, not Prometheus". */
  reason: string
}
