import { nearestName } from '../../cli/nearest-name.ts'
import { parsePromql } from '../../promql/promql-parser.ts'
import { type Labels, traceLabels } from '../../promql/trace-labels.ts'
import { type Quantity, quantityOf, quantityOfUnit } from './measured-quantity.ts'
import type { CatalogMetric, RecordedSeries } from './metric-catalog.ts'

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

/** The known facts of the series of one name. */
export interface KnownSeries {
  /** `recorded` for a recording rule, whatever type the metrics in it have. */
  type: CatalogMetric['type'] | 'recorded'
  labels: Labels
  /** What a value measures; undefined where unknown. */
  quantity: Quantity | undefined
}

/** Finds series by name; undefined for an unknown name. */
export type FindSeries = (name: string) => KnownSeries | undefined

/**
 * The known series of a lab: those of the catalog with the parts of histograms and summaries, and those of recording
 * rules, whose labels and quantity follow from their expressions.
 */
export function knownSeries(catalog: readonly CatalogMetric[], recorded: readonly RecordedSeries[]): FindSeries {
  const known = new Map<string, KnownSeries>()
  for (const metric of catalog) {
    for (const [name, series] of seriesOf(metric)) known.set(name, series)
  }
  const find: FindSeries = name => {
    const rules = known.has(name) ? [] : recorded.filter(({ record }) => record === name)
    if (rules.length === 0) return known.get(name)
    // A rule that refers to itself finds this.
    known.set(name, { type: 'recorded', labels: undefined, quantity: undefined })
    const series = recordedSeries(rules, find)
    known.set(name, series)
    return series
  }
  return find
}

/** The names of a metric's series in Prometheus: a histogram has three, and none of its own name. */
export function seriesNames(metric: CatalogMetric): string[] {
  return seriesOf(metric).flatMap(([name, { type }]) => (type === 'histogram' ? [] : [name]))
}

function seriesOf({ name, type, unit, labels }: CatalogMetric): [name: string, series: KnownSeries][] {
  const quantity = quantityOfUnit(unit)
  const count = quantityOfUnit('1')
  const own = new Set(labels)
  const whole: [string, KnownSeries] = [name, { type, labels: own, quantity }]
  const sums: [string, KnownSeries][] = [
    [`${name}_sum`, { type: 'counter', labels: own, quantity }],
    [`${name}_count`, { type: 'counter', labels: own, quantity: count }],
  ]
  if (type === 'histogram')
    return [[`${name}_bucket`, { type: 'counter', labels: new Set([...own, 'le']), quantity: count }], ...sums, whole]
  if (type === 'summary') return [[name, { type: 'gauge', labels: new Set([...own, 'quantile']), quantity }], ...sums]
  return [whole]
}

/** Several rules can record one name with different labels. If one of them is unknown, all are. */
function recordedSeries(rules: readonly RecordedSeries[], find: FindSeries): KnownSeries {
  const all = rules.map(({ expr: text, labels: added = {} }) => {
    const { expr } = parsePromql(text)
    const labels = expr && traceLabels(expr, name => find(name)?.labels).labels
    const quantity = expr && quantityOf(expr, name => find(name)?.quantity)
    return { labels: labels && [...labels, ...Object.keys(added)], quantity }
  })
  const isKnown = all.every(({ labels }) => labels !== undefined)
  const labels = isKnown ? new Set(all.flatMap(each => each.labels ?? [])) : undefined
  return { type: 'recorded', labels, quantity: all[0]?.quantity }
}
