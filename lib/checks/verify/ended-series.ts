import type { Lab } from '../../lab/lab.ts'
import { orNone } from '../../prometheus/prometheus-client.ts'
import type { Selector } from '../../promql/promql-ast.ts'
import { parsePromql, selectorsOf } from '../../promql/promql-parser.ts'
import { scenarioJournal } from '../../scenarios/scenario-journal.ts'
import { scenarios } from '../../scenarios/scenario-list.ts'
import type { CheckContext } from './check-query.ts'
import { selectorText } from './empty-cause.ts'

/** Series that a running scenario has ended. */
export interface EndedSeries {
  scenario: string
  /** When the scenario started (epoch). */
  startMs: number
  ends: { job: string } | { metrics: RegExp }
}

/** The series that the running scenarios of a lab have ended. */
export function endedSeries(lab: Pick<Lab, 'dataDir'>): EndedSeries[] {
  const running = scenarioJournal(lab).requests()
  return running.flatMap(({ name, startMs }) => {
    const ends = scenarios.find(each => each.name === name)?.ends
    return ends === undefined ? [] : [{ scenario: name, startMs, ends }]
  })
}

/**
 * Why a query has no data: it selects series that a scenario has ended. They were there when the scenario started, and now the selector has
 * none. Undefined for another cause.
 *
 * Throws a PrometheusUnreachable.
 */
export async function endedBy(
  query: string,
  ended: readonly EndedSeries[],
  { api, recorded }: Pick<CheckContext, 'recorded'> & { api: Pick<CheckContext['api'], 'instant'> },
  untilMs: number,
): Promise<string | undefined> {
  if (ended.length === 0) return undefined
  const exists = async (selector: string, timeMs: number) =>
    ((await orNone(api.instant(`count(${selector})`, timeMs)))?.[0]?.value ?? 0) > 0
  for (const { metric, matchers } of selectorsIn(query, recorded)) {
    for (const { scenario, startMs, ends } of ended) {
      if ('metrics' in ends && !ends.metrics.test(metric ?? '')) continue
      const own = 'job' in ends ? [{ label: 'job', op: '=', value: ends.job } as const] : []
      const isGone =
        (await exists(selectorText(metric, [...matchers, ...own]), startMs)) &&
        !(await exists(selectorText(metric, matchers), untilMs))
      if (isGone) return `scenario ${scenario} has ended the series`
    }
  }
  return undefined
}

/** The selectors of a query, and of the rules whose recordings it selects. */
function selectorsIn(query: string, recorded: CheckContext['recorded'], followed = new Set<string>()): Selector[] {
  return selectorsOf(parsePromql(query).expr).flatMap(selector => {
    const rule = recorded.get(selector.metric ?? '')
    if (rule === undefined || followed.has(rule)) return [selector]
    followed.add(rule)
    return [selector, ...selectorsIn(rule, recorded, followed)]
  })
}
