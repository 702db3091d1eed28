import { type FindSeries, knownSeries, seriesNames } from './known-series.ts'
import type { CatalogMetric, RecordedSeries } from './metric-catalog.ts'
import { nearestName } from './nearest-name.ts'

/** What a lab has, as the rules ask for it. */
export interface LabMetrics {
  known: FindSeries
  /** The series' name that a misspelt one is nearest to, when one is near at all. */
  nearest: (name: string) => string | undefined
  /** Every label of every series. */
  labels: ReadonlySet<string>
}

/** What Prometheus makes of alerts: these, with the labels of each alert beside their own. */
const alertSeries = ['ALERTS', 'ALERTS_FOR_STATE']
const alertLabels = ['alertname', 'alertstate', 'severity']

/** A lab from its catalogue and its rules. */
export function labMetrics(catalog: readonly CatalogMetric[], recorded: readonly RecordedSeries[]): LabMetrics {
  const catalogued = knownSeries(catalog, recorded)
  const known: FindSeries = name =>
    alertSeries.includes(name) ? { type: 'gauge', labels: undefined, quantity: undefined } : catalogued(name)
  const names = [...catalog.flatMap(seriesNames), ...recorded.map(({ record }) => record)]
  const labels = new Set([...catalog.flatMap(metric => metric.labels), ...alertLabels])
  for (const { record } of recorded) for (const label of known(record)?.labels ?? []) labels.add(label)
  // Dashboards ask for one name many times.
  const found = new Map<string, string | undefined>()
  const nearest = (name: string) => {
    if (!found.has(name)) found.set(name, nearestName(name, names))
    return found.get(name)
  }
  return { known, nearest, labels }
}
