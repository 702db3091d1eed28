import type { Dashboard, Panel, Target } from '../../grafana/dashboard-model.ts'
import { interpolate } from '../../grafana/interpolate.ts'
import { queryTimes, rangeMs } from '../../grafana/query-interval.ts'
import type { TimeRange } from '../../prometheus/prometheus-client.ts'
import { unquoted } from '../../promql/ast-builder.ts'
import { isConstant } from '../../promql/constant.ts'
import { durationMs } from '../../promql/durations.ts'
import { walk } from '../../promql/promql-ast.ts'
import { parsePromql } from '../../promql/promql-parser.ts'
import { patternError, promqlRegex } from '../../promql/promql-regex.ts'
import type { Dimension } from './dimensions.ts'
import type { Filter, Filters } from './pass-criteria.ts'
import type { VariableSelection } from './variable-selection.ts'

/** A query of a panel as Grafana sends it. */
export interface PanelQuery {
  panel: Panel
  target: Target
  selection: VariableSelection
  kind: 'instant' | 'range'
  /** With the values of all variables. */
  expr: string
  range: TimeRange
  stepMs: number
  filters: Filters
  /** Replaces the same variables in another text. */
  fill: (text: string) => string
}

/** What the text of a query shows. */
export interface QueryFacts {
  metrics: readonly string[]
  /** The longest range of a function. */
  windowMs: number | undefined
  isConstant: boolean
}

/** The data points of a panel of full width on a screen 1,600 pixels wide. */
const FULL_WIDTH_POINTS = 1_600
const GRID_WIDTH = 24
const HOUR_MS = 3_600_000

/** The length of the dashboard's own time range, ending at a time; one hour where it is neither relative nor of epoch times. */
export function dashboardRange({ time }: Dashboard, untilMs: number): TimeRange {
  return { fromMs: untilMs - (rangeMs(time.from, time.to) ?? HOUR_MS), untilMs }
}

/** All queries of a dashboard with one selection of its variables, except hidden ones. */
export function panelQueries(
  dashboard: Dashboard,
  selection: VariableSelection,
  given: { untilMs: number; scrapeMs: number },
): PanelQuery[] {
  const range = dashboardRange(dashboard, given.untilMs)
  const filters = filtersOf(selection)
  return dashboard.panels.flatMap(panel =>
    panel.targets.flatMap(target => {
      if (target.hide) return []
      const { stepMs, variables } = queryTimes({
        range,
        scrapeMs: given.scrapeMs,
        interval: interpolate(target.interval, selection.values),
        panelInterval: interpolate(panel.interval, selection.values),
        maxDataPoints: Math.max(100, Math.round((FULL_WIDTH_POINTS * (panel.gridPos.w || GRID_WIDTH)) / GRID_WIDTH)),
      })
      const values = new Map([...selection.values, ...variables])
      const fill = (text: string) => interpolate(text, values)
      const query = { panel, target, selection, expr: fill(target.expr), range, stepMs, filters, fill }
      return kindsOf(target).map(kind => ({ ...query, kind }))
    }),
  )
}

/** The facts of a query's text; no metrics when it does not parse. */
export function queryFacts(expr: string): QueryFacts {
  const { expr: parsed } = parsePromql(expr)
  if (parsed === undefined) return { metrics: [], windowMs: undefined, isConstant: false }
  const all = [...walk(parsed)].map(({ expr: each }) => each)
  const metrics = all.flatMap(each => (each.kind === 'selector' && each.metric !== undefined ? [each.metric] : []))
  const windows = all.flatMap(each => (each.kind === 'range' ? [durationMs(each.range) ?? 0] : []))
  return {
    metrics: [...new Set(metrics)],
    windowMs: windows.length === 0 ? undefined : Math.max(...windows),
    isConstant: isConstant(parsed),
  }
}

function kindsOf({ instant, range }: Target): PanelQuery['kind'][] {
  if (!instant) return ['range']
  return range ? ['instant', 'range'] : ['instant']
}

/** The variables that have the name of a dimension. */
const SAME_NAME = ['cluster', 'node', 'namespace', 'pod', 'container', 'service', 'workload', 'workload_type'] as const
const DIMENSION_OF = new Map<string, Dimension>([
  ...SAME_NAME.map(name => [name, name] as const),
  ['volume', 'claim'],
  ['type', 'workload_type'],
])

/** The restrictions that a selection puts on all queries of a dashboard, also on those that ignore the variable. */
function filtersOf({ values: chosen }: VariableSelection): Filters {
  const filters = new Map<Dimension, Filter>()
  for (const [name, value] of chosen) {
    const dimension = DIMENSION_OF.get(name)
    if (dimension === undefined) continue
    const { allText } = value
    if (allText !== undefined) {
      const pattern = unquoted(`"${allText}"`)
      // Prometheus refuses queries with a wrong pattern, so nothing is compared with them.
      if (patternError(() => promqlRegex(pattern)) !== undefined) continue
      filters.set(dimension, { text: `~${allText}`, allows: promqlRegex(pattern) })
    } else {
      const values = new Set(value.values)
      filters.set(dimension, { text: value.values.join(), allows: each => values.has(each) })
    }
  }
  return filters
}
