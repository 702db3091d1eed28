import { nearestAmong } from '../../cli/nearest-name.ts'
import type { Expr, Matcher } from '../../promql/promql-ast.ts'
import { parsePromql, selectorsOf } from '../../promql/promql-parser.ts'
import { type LabelFault, type Labels, traceLabels } from '../../promql/trace-labels.ts'
import { type Quantity, quantityOf, quantityOfUnit } from './measured-quantity.ts'
import type { CatalogMetric, Dialect, RecordedSeries } from './metric-catalog.ts'
import { nearestVariants, type SeriesVariant } from './series-variants.ts'

/** The metrics of a lab, for the rules. */
export interface LabMetrics {
  known: FindSeries
  /** The names that both dialects have, and nothing else, as it is with `up`. */
  shared: readonly string[]
  /** The dialects that METRICS selects. */
  dialects: readonly Dialect[]
  /** Beginnings of names of which the catalog lists a part. */
  partlyListed: readonly string[]
  /** The nearest known name to a misspelled one, if any is near. */
  nearest: (name: string) => string | undefined
  /** Every label of every series. */
  labels: ReadonlySet<string>
}

/** The series of alerts in Prometheus. They also have the labels of each alert. */
const alertSeries = ['ALERTS', 'ALERTS_FOR_STATE']
const alertLabels = ['alertname', 'alertstate', 'severity']

/** The metrics of a catalog and of recording rules. */
export function labMetrics(
  catalog: readonly CatalogMetric[],
  recorded: readonly RecordedSeries[],
  { dialects, partlyListed }: Pick<LabMetrics, 'dialects' | 'partlyListed'>,
): LabMetrics {
  const catalogued = knownSeries(catalog, recorded)
  const known: FindSeries = name =>
    alertSeries.includes(name) ? { type: 'gauge', variants: [], quantity: undefined } : catalogued(name)
  const names = [...catalog.flatMap(seriesNames), ...recorded.map(({ record }) => record)]
  const labels = new Set([...catalog.flatMap(metric => metric.labels), ...alertLabels])
  for (const { record } of recorded) for (const label of labelsOf(known(record)) ?? []) labels.add(label)
  const shared = names.filter(name => {
    const of = new Set(known(name)?.variants.map(({ dialect }) => dialect))
    return of.has('otel') && of.has('prometheus') && !of.has(undefined)
  })
  return { known, shared: [...new Set(shared)], dialects, partlyListed, nearest: nearestAmong(names), labels }
}

/** The possible labels of series that the matchers can select; undefined where unknown. */
export function labelsOf(series: KnownSeries | undefined, matchers: readonly Matcher[] = []): Labels {
  if (series === undefined || series.variants.length === 0) return undefined
  return new Set(nearestVariants(series.variants, matchers).flatMap(({ labels }) => [...labels]))
}

/** traceLabels() with the known labels. */
export function tracedLabels(expr: Expr, known: FindSeries): { labels: Labels; faults: LabelFault[] } {
  return traceLabels(expr, (name, matchers) => labelsOf(known(name), matchers))
}

/** The known facts of the series of one name. */
export interface KnownSeries {
  /** `recorded` for a recording rule, whatever type the metrics in it have. */
  type: CatalogMetric['type'] | 'recorded'
  /** One for each source; none where the labels are unknown. */
  variants: readonly SeriesVariant[]
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
    for (const [name, series] of seriesOf(metric)) {
      const others = known.get(name)?.variants ?? []
      known.set(name, { ...series, variants: [...others, ...series.variants] })
    }
  }
  const find: FindSeries = name => {
    const rules = known.has(name) ? [] : recorded.filter(({ record }) => record === name)
    if (rules.length === 0) return known.get(name)
    // A rule that refers to itself finds this.
    known.set(name, { type: 'recorded', variants: [], quantity: undefined })
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

function seriesOf(metric: CatalogMetric): [name: string, series: KnownSeries][] {
  const { name, type, unit, values = {}, dialect } = metric
  const quantity = quantityOfUnit(unit)
  const count = quantityOfUnit('1')
  const having = (...more: string[]) => [{ labels: new Set([...metric.labels, ...more]), values, dialect }]
  const variants = having()
  const whole: [string, KnownSeries] = [name, { type, variants, quantity }]
  const sums: [string, KnownSeries][] = [
    [`${name}_sum`, { type: 'counter', variants, quantity }],
    [`${name}_count`, { type: 'counter', variants, quantity: count }],
  ]
  if (type === 'histogram')
    return [[`${name}_bucket`, { type: 'counter', variants: having('le'), quantity: count }], ...sums, whole]
  if (type === 'summary') return [[name, { type: 'gauge', variants: having('quantile'), quantity }], ...sums]
  return [whole]
}

/** Several rules can record one name with different labels. If those of one are unknown, all are. */
function recordedSeries(rules: readonly RecordedSeries[], find: FindSeries): KnownSeries {
  const all = rules.map(({ expr: text, labels: added = {} }) => {
    const { expr } = parsePromql(text)
    const labels = expr && tracedLabels(expr, find).labels
    const quantity = expr && quantityOf(expr, name => find(name)?.quantity)
    const read = selectorsOf(expr).flatMap(({ metric = '', matchers }) =>
      nearestVariants(find(metric)?.variants ?? [], matchers).map(({ dialect }) => dialect),
    )
    const [dialect, ...others] = new Set(read)
    const values = Object.fromEntries(Object.entries(added).map(([label, value]) => [label, [value]]))
    const variant = labels && {
      labels: new Set([...labels, ...Object.keys(added)]),
      values,
      dialect: others.length === 0 ? dialect : undefined,
    }
    return { variant, quantity }
  })
  const variants = all.flatMap(({ variant }) => variant ?? [])
  return { type: 'recorded', variants: variants.length === all.length ? variants : [], quantity: all[0]?.quantity }
}
