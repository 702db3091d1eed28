import type { Variable } from '../../grafana/dashboard-model.ts'
import type { Expr, Selector } from '../../promql/promql-ast.ts'
import { selectorsOf } from '../../promql/promql-parser.ts'
import { type Fault, fault } from './finding.ts'
import type { LabMetrics } from './lab-metrics.ts'
import { failingMatchers, isRegexMatch, nearestVariants, type SeriesVariant } from './series-variants.ts'

/** Metrics of a dialect that METRICS does not select, and selectors that select series of both dialects. */
export function dialectFaults(expr: Expr, lab: LabMetrics, variables: readonly Variable[]): Fault[] {
  return selectorsOf(expr).flatMap(selector => [...offFaults(selector, lab), ...mixedFaults(selector, lab, variables)])
}

function offFaults(selector: Selector, lab: LabMetrics): Fault[] {
  const { metric } = selector
  return isOfOtherDialect(selector, lab) ? [fault('dialect', `the lab has ${metric} with METRICS=both`, metric)] : []
}

/** Whether a selector selects only series of a dialect that METRICS does not select. */
export function isOfOtherDialect(
  { metric = '', matchers = [] }: Partial<Pick<Selector, 'metric' | 'matchers'>>,
  { known, dialects }: Pick<LabMetrics, 'known' | 'dialects'>,
): boolean {
  const variants = nearestVariants(known(metric)?.variants ?? [], matchers)
  const isOff = ({ dialect }: SeriesVariant) => dialect !== undefined && !dialects.includes(dialect)
  return variants.length > 0 && variants.every(isOff)
}

function mixedFaults(selector: Selector, lab: LabMetrics, variables: readonly Variable[]): Fault[] {
  const { metric, matchers, hidden } = selector
  if (hidden || lab.dialects.length < 2) return []
  const matchesEmpty = (name: string) => {
    const { includeAll = false, allValue = '' } = variables.find(each => each.name === name) ?? {}
    return includeAll && allValue !== '' && isRegexMatch(allValue, '')
  }
  const isSelected = (variant: SeriesVariant) => failingMatchers(variant, matchers, matchesEmpty).length === 0
  const mixed = lab.shared
    .filter(name => metric === undefined || metric === name)
    .map(name => ({ name, selected: variantsNamed(name, lab).filter(isSelected) }))
    .find(({ selected }) => new Set(selected.map(({ dialect }) => dialect)).size > 1)
  if (mixed === undefined) return []
  const { name, selected } = mixed
  const prometheus = selected.filter(({ dialect }) => dialect === 'prometheus')
  const otel = selected.find(({ dialect }) => dialect === 'otel')
  const label = [...(otel?.labels ?? [])].find(each => prometheus.every(({ labels }) => !labels.has(each)))
  const job = prometheus[0]?.values['job']?.[0]
  return [
    fault(
      'mixed',
      `the query selects ${name} of OpenTelemetry and of kube-prometheus; add ${label}=~".+" or job="${job}"`,
    ),
  ]
}

/** The name is a label, which a selector can match by a pattern. */
function variantsNamed(name: string, { known }: LabMetrics): SeriesVariant[] {
  return (known(name)?.variants ?? []).map(({ labels, values, dialect }) => ({
    labels: new Set([...labels, '__name__']),
    values: { ...values, __name__: [name] },
    dialect,
  }))
}
