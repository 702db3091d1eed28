import { type FindSeries, knownSeries, seriesNames } from './known-series.ts'
import type { CatalogMetric, RecordedSeries } from './metric-catalog.ts'
import { nearestName } from './nearest-name.ts'

/** The metrics of a lab, for the rules. */
export interface LabMetrics {
  known: FindSeries
  /** The nearest known name to a misspelled one, if any is near. */
  nearest: (name: string) => string | undefined
  /** Every label of every series. */
  labels: ReadonlySet<string>
}

/** The series of alerts in Prometheus. They also have the labels of each alert. */
const alertSeries = ['ALERTS', 'ALERTS_FOR_STATE']
const alertLabels = ['alertname', 'alertstate', 'severity']

/** The metrics of a catalog and of recording rules. */
export function labMetrics(catalog: readonly CatalogMetric[], recorded: readonly RecordedSeries[]): LabMetrics {
  const catalogued = knownSeries(catalog, recorded)
  const known: FindSeries = name =>
    alertSeries.includes(name) ? { type: 'gauge', labels: undefined, quantity: undefined } : catalogued(name)
  const names = [...catalog.flatMap(seriesNames), ...recorded.map(({ record }) => record)]
  const labels = new Set([...catalog.flatMap(metric => metric.labels), ...alertLabels])
  for (const { record } of recorded) for (const label of known(record)?.labels ?? []) labels.add(label)
  // Dashboards use a name many times.
  const found = new Map<string, string | undefined>()
  const nearest = (name: string) => {
    if (!found.has(name)) found.set(name, nearestName(name, names))
    return found.get(name)
  }
  return { known, nearest, labels }
}
