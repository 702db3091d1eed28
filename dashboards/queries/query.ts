import {
  type Dimension,
  type DimensionLabels,
  labelOfDimension,
  type Quantity,
  type QueryExpectations,
  type Truth,
} from '../../lib/checks/verify/query-expectations.ts'

/** One query of a panel: PromQL with Grafana's variables, and the expectations of verify. */
export interface Query extends QueryExpectations {
  expr: string
  /** The legend of its series, with Grafana's `{{label}}`. */
  legend?: string
}

/** A selector of what the collector and the job kubelet-cadvisor measure of the cluster, by the names of its metrics. */
const OTEL_SERIES =
  /\b(?:(?:k8s|container|system|namespace_workload)_[\w:]*|otelcol_\w+_metric_points_total)\{k8s_cluster_name/

/** The expectations of a query, with the prerequisite `otel-metrics` where its series need it. */
export function expectationsOf({ expr, legend: _, ...known }: Query): QueryExpectations {
  if (!OTEL_SERIES.test(expr)) return known
  return { ...known, prerequisites: [...(known.prerequisites ?? []), 'otel-metrics'] }
}

/** The labels of some dimensions for a `by` clause. */
export function labelsOf(by: readonly Dimension[], labels: DimensionLabels = labelOfDimension): string {
  return by.map(dimension => labels[dimension]).join(', ')
}

/** The legend of series by these dimensions: the value of the last one, since the dashboard selects the others. */
export function legendOf(by: readonly Dimension[], labels: DimensionLabels = labelOfDimension): string {
  const last = by.at(-1)
  return last === undefined || last === 'cluster' ? '' : `{{${labels[last]}}}`
}

/** A query of a quantity by some dimensions, which verify computes too. */
export function measured(
  of: Quantity,
  by: readonly Dimension[],
  expr: string,
  more: Omit<Truth, 'of' | 'by'> = {},
): Query {
  return { expr, legend: legendOf(by, more.labels), truth: { of, by, ...more } }
}

/** The same query with another legend. */
export function named(legend: string, query: Query): Query {
  return { ...query, legend }
}

/** The same query with a word after its legend. */
export function suffixed(query: Query, word: string): Query {
  return { ...query, legend: `${query.legend} ${word}` }
}
