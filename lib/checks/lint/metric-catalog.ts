/** One metric that a lab's Prometheus has. */
export interface CatalogMetric {
  /** As queries name it. A histogram stands under its base name, without `_bucket`, `_sum` and `_count`. */
  name: string
  /** What it means, whatever Prometheus stores it as. */
  type: 'counter' | 'gauge' | 'histogram' | 'summary'
  /** `seconds`, `bytes`, `cores`, `1` for a plain count or a state, `ratio` for 0 to 1. */
  unit: string
  /** Every label that a series of it may have, without `__name__` (and `le`, `quantile`, which go by the type). */
  labels: readonly string[]
  /** Where it comes from: a receiver, a scrape job. */
  source: string
}

/** A recording rule, as far as a reader of queries needs it. */
export interface RecordedSeries {
  record: string
  expr: string
  /** The labels that the rule adds. */
  labels?: Readonly<Record<string, string>>
}
