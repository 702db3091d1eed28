import { PatternError } from '../../cli/errors.ts'
import type { Dashboard, Panel, Target } from '../../grafana/dashboard-model.ts'
import { interpolate } from '../../grafana/interpolate.ts'
import { durationMs, queryTimes, relativeRangeMs } from '../../grafana/query-interval.ts'
import type { TimeRange } from '../../prometheus/prometheus-client.ts'
import { unquoted } from '../../promql/ast-builder.ts'
import { isConstant } from '../../promql/constant.ts'
import { walk } from '../../promql/promql-ast.ts'
import { parsePromql } from '../../promql/promql-parser.ts'
import { promqlRegex } from '../../promql/promql-regex.ts'
import type { Filter, Filters } from './pass-criteria.ts'
import type { Dimension } from './query-expectations.ts'
import type { Choice } from './variable-selection.ts'

/** A query of a panel, as Grafana would send it. */
export interface AskedQuery {
  panel: Panel
  target: Target
  choice: Choice
  kind: 'instant' | 'range'
  /** With all variables filled in. */
  expr: string
  range: TimeRange
  stepMs: number
  filters: Filters
  /** Fills the same variables into another text. */
  fill: (text: string) => string
}

/** What a query's text says of itself. */
export interface QueryFacts {
  metrics: readonly string[]
  /** The longest range that a function looks back over. */
  windowMs: number | undefined
  isConstant: boolean
}

/** A screen of 1,600 pixels has room for so many points in a panel of full width. */
const FULL_WIDTH_POINTS = 1_600
const GRID_WIDTH = 24
const HOUR_MS = 3_600_000

/** The time picker as the dashboard has it, an hour where that isn't plain, ending at a time. */
export function dashboardRange({ time }: Dashboard, untilMs: number): TimeRange {
  return { fromMs: untilMs - (relativeRangeMs(time.from, time.to) ?? HOUR_MS), untilMs }
}

/** Every query of a dashboard under one choice of variables; targets that aren't drawn are left out. */
export function askedQueries(
  dashboard: Dashboard,
  choice: Choice,
  given: { untilMs: number; scrapeMs: number },
): AskedQuery[] {
  const range = dashboardRange(dashboard, given.untilMs)
  const filters = filtersOf(choice)
  return dashboard.panels.flatMap(panel =>
    panel.targets.flatMap(target => {
      if (target.hide) return []
      const { stepMs, variables } = queryTimes({
        range,
        scrapeMs: given.scrapeMs,
        interval: interpolate(target.interval, choice.values),
        panelInterval: interpolate(panel.interval, choice.values),
        maxDataPoints: Math.max(100, Math.round((FULL_WIDTH_POINTS * (panel.gridPos.w || GRID_WIDTH)) / GRID_WIDTH)),
      })
      const values = new Map([...choice.values, ...variables])
      const fill = (text: string) => interpolate(text, values)
      const query = { panel, target, choice, expr: fill(target.expr), range, stepMs, filters, fill }
      return kindsOf(target).map(kind => ({ ...query, kind }))
    }),
  )
}

/** What can be read off a query's text; nothing but an empty list of metrics when it doesn't parse. */
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

function kindsOf({ instant, range }: Target): AskedQuery['kind'][] {
  if (instant && range) return ['instant', 'range']
  return [instant ? 'instant' : 'range']
}

const DIMENSION_OF: Readonly<Record<string, Dimension>> = {
  ...{ cluster: 'cluster', node: 'node', namespace: 'namespace', pod: 'pod', container: 'container' },
  ...{
    volume: 'claim',
    service: 'service',
    workload: 'workload',
    type: 'workload_type',
    workload_type: 'workload_type',
  },
}

/** What a dashboard's choice restricts each of its queries to, also one that forgets to name the variable. */
function filtersOf({ values: chosen }: Choice): Filters {
  const filters = new Map<Dimension, Filter>()
  for (const [name, value] of chosen) {
    const dimension = DIMENSION_OF[name]
    if (dimension === undefined) continue
    const { allText } = value
    if (allText !== undefined) {
      // Prometheus refuses the queries that a pattern is wrong in, so nothing is compared with what they would give.
      const allows = orUndefined(() => promqlRegex(unquoted(`"${allText}"`)))
      if (allows !== undefined) filters.set(dimension, { text: `~${allText}`, allows })
    } else {
      const values = new Set(value.values)
      filters.set(dimension, { text: value.values.join(), allows: each => values.has(each) })
    }
  }
  return filters
}

function orUndefined<T>(make: () => T): T | undefined {
  try {
    return make()
  } catch (error) {
    if (error instanceof PatternError) return undefined
    throw error
  }
}
