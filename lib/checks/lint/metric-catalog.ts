/** The sources of a cluster's metrics by METRICS: the OpenTelemetry Collector, or the jobs of kube-prometheus. */
export type Dialect = 'otel' | 'prometheus'

/** One metric of a lab's Prometheus. Several jobs can have a metric of one name, with different labels. */
export interface CatalogMetric {
  /** The name in queries. A histogram has its base name, without `_bucket`, `_sum` and `_count`. */
  name: string
  /** Its meaning, which can differ from the type in Prometheus. */
  type: 'counter' | 'gauge' | 'histogram' | 'summary'
  /** `seconds`, `bytes`, `cores`, `1` for a plain count or a state, `ratio` for 0 to 1. */
  unit: string
  /** All labels of its series, without `__name__`, `le` and `quantile`. */
  labels: readonly string[]
  /** The possible values of the labels that have few. */
  values?: Readonly<Record<string, readonly string[]>>
  /** Its source: a receiver or a scrape job. */
  source: string
  /** The only dialect that has it; undefined if it does not depend on METRICS. */
  dialect?: Dialect | undefined
}

/** A recording rule. */
export interface RecordedSeries {
  record: string
  expr: string
  /** The labels that the rule adds. */
  labels?: Readonly<Record<string, string>>
}
