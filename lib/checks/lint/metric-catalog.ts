/** One metric of a lab's Prometheus. */
export interface CatalogMetric {
  /** The name in queries. A histogram has its base name, without `_bucket`, `_sum` and `_count`. */
  name: string
  /** Its meaning, which can differ from the type in Prometheus. */
  type: 'counter' | 'gauge' | 'histogram' | 'summary'
  /** `seconds`, `bytes`, `cores`, `1` for a plain count or a state, `ratio` for 0 to 1. */
  unit: string
  /** All labels of its series, without `__name__`, `le` and `quantile`. */
  labels: readonly string[]
  /** Its source: a receiver or a scrape job. */
  source: string
}

/** A recording rule. */
export interface RecordedSeries {
  record: string
  expr: string
  /** The labels that the rule adds. */
  labels?: Readonly<Record<string, string>>
}
