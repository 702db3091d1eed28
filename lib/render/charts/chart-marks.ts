import type { PrometheusApi, TimeRange } from '../../prometheus/prometheus-client.ts'
import type { ScenarioSpan } from '../../scenarios/scenario-journal.ts'

/** What happened at a time, for a line in every chart. */
export interface ChartMark {
  timeMs: number
  kind: 'scenario' | 'alert'
  /** `crash-loop on shop/cart began`. */
  text: string
}

/** The most marks of a chart; the newest are kept. */
const MOST_MARKS = 30
/** The points of the query of alerts. */
const POINTS = 240

/** The moments of a time range at which scenarios began and ended, and alerts began and ceased to fire, in order. */
export async function chartMarks(
  { fromMs, untilMs }: TimeRange,
  { api, spans, scrapeMs }: { api: PrometheusApi; spans: readonly ScenarioSpan[]; scrapeMs: number },
): Promise<ChartMark[]> {
  const stepMs = Math.max(scrapeMs, Math.ceil((untilMs - fromMs) / POINTS / 1_000) * 1_000)
  const query = 'count by (alertname) (ALERTS{alertstate="firing"})'
  const firing = await api.range(query, { fromMs, untilMs }, stepMs).catch(() => [])
  const ofAlerts = firing.flatMap(({ labels, points }) => {
    const name = labels['alertname'] ?? ''
    const times = points.map(([timeMs]) => timeMs)
    const began = times.filter((timeMs, at) => timeMs - (times[at - 1] ?? 0) > 1.5 * stepMs)
    const ended = times.filter((timeMs, at) => (times[at + 1] ?? Number.POSITIVE_INFINITY) - timeMs > 1.5 * stepMs)
    return [
      ...began.map(timeMs => ({ timeMs, kind: 'alert' as const, text: `${name} began to fire` })),
      ...ended.map(timeMs => ({ timeMs: timeMs + stepMs, kind: 'alert' as const, text: `${name} ceased to fire` })),
    ]
  })
  const ofScenarios = spans.flatMap(({ name, target, startMs, endMs }) => [
    { timeMs: startMs, kind: 'scenario' as const, text: `${name} on ${target} began` },
    ...(endMs === undefined ? [] : [{ timeMs: endMs, kind: 'scenario' as const, text: `${name} on ${target} ended` }]),
  ])
  // An alert that fires at the first point may have begun before.
  return [...ofScenarios, ...ofAlerts]
    .filter(({ timeMs }) => timeMs > fromMs + stepMs && timeMs < untilMs)
    .sort((a, b) => a.timeMs - b.timeMs)
    .slice(-MOST_MARKS)
}
