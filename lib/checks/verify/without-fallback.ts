import type { PrometheusApi, TimeRange } from '../../prometheus/prometheus-client.ts'
import { fallbacksOf } from '../../promql/fallbacks.ts'
import { type Expr, type Matcher, neededParts, type Selector } from '../../promql/promql-ast.ts'
import { parsePromql } from '../../promql/promql-parser.ts'
import { listedValues, promqlRegex } from '../../promql/promql-regex.ts'
import { type CheckContext, emptyHint, finalFailure, type Verdict } from './check-query.ts'
import { seriesOf } from './evaluate-queries.ts'
import { type PanelQuery, queryFacts } from './panel-queries.ts'

/**
 * Checks a query with a fallback (`x or vector(0)`), which shows a number even if the metric `x` does not exist. It
 * fails where `x` has no series and selects a metric, a label or a label value that Prometheus never had. Where all
 * of these exist and nothing matches now, the query shows its fallback. Values of outcome labels (`code="500"`)
 * appear with the first such event, so a missing one is no failure. A number that was compared with an expected value
 * passes in any case.
 *
 * Throws a QueryError or a PrometheusUnreachable, as the API does.
 */
export async function withoutFallback(verdict: Verdict, query: PanelQuery, context: CheckContext): Promise<Verdict> {
  const { api } = context
  if (verdict.kind !== 'ok' || verdict.compared) return verdict
  const { unread } = parsePromql(query.expr)
  if (unread !== undefined && /\bor\b/i.test(query.expr))
    return { ...verdict, notChecked: `${unread}: fallbacks such as "or vector(0)" in it are not checked` }
  const ever = { fromMs: 0, untilMs: query.range.untilMs }
  let showsFallback = false
  for (const { operand, text, constant, isInSubquery } of fallbacksOf(query.expr)) {
    if (!isInSubquery && (await seriesOf(api, query, text)).length > 0) continue
    const absent = await missingIn(operand, api, ever)
    if (absent !== undefined) {
      const hidden = `"or ${constant}" shows a number for what doesn't exist`
      const { hint, cause } = emptyHint(queryFacts(text).metrics, context)
      return finalFailure('hidden by fallback', `${constant}, and ${absent}`, `series of ${text}`, {
        hint: cause === undefined ? hidden : `${hidden}: ${hint}`,
        cause,
      })
    }
    showsFallback ||= !isInSubquery
  }
  return showsFallback ? { ...verdict, showsFallback } : verdict
}

/** What an expression without series selects and Prometheus does not have, as text; undefined when it has all of it. */
async function missingIn(expr: Expr, api: PrometheusApi, ever: TimeRange): Promise<string | undefined> {
  if (expr.kind === 'selector') return await missingOf(expr, api, ever)
  const absent: (string | undefined)[] = []
  for (const part of neededParts(expr)) absent.push(await missingIn(part, api, ever))
  const isEither = expr.kind === 'binary' && expr.op === 'or'
  return isEither && absent.includes(undefined) ? undefined : absent.find(each => each !== undefined)
}

async function missingOf(
  { metric, matchers }: Selector,
  api: PrometheusApi,
  ever: TimeRange,
): Promise<string | undefined> {
  const isOfName = ({ label }: Matcher) => label === '__name__'
  const own: Matcher[] = metric === undefined ? [] : [{ label: '__name__', op: '=', value: metric }]
  const ofName = [...own, ...matchers.filter(isOfName)]
  const names = ofName.map(({ label, op, value }) => `${label}${op}${JSON.stringify(value)}`)
  const selector = names.length === 0 ? undefined : `{${names.join(', ')}}`
  const name = metric ?? selector ?? 'any series'
  if (selector !== undefined && (await api.labelValues('__name__', selector, ever)).length === 0)
    return `Prometheus has no metric ${name}`
  const labels = new Set(await api.labelNames(selector, ever))
  for (const { label, op, value } of matchers.filter(each => !isOfName(each) && wantsLabel(each))) {
    if (!labels.has(label)) return `${name} has no label ${label}`
    if (isOfOutcomes(label)) continue
    const wanted = op === '=' ? [value] : listedValues(value)
    if (wanted === undefined) continue
    const there = new Set(await api.labelValues(label, undefined, ever))
    if (!wanted.some(each => there.has(each))) return `no series has ${label}${op}${JSON.stringify(value)}`
  }
  return undefined
}

/** The last word of the names of outcome labels: `code`, `status_code`, `http.response.status_code`, `grpc_status`. */
const OUTCOME = /^(code|status|reason|phase|state|condition|result|outcome|error|exception|severity|level)$/

/** Whether the values of a label are outcomes or states, as of `error_type`. */
export function isOfOutcomes(label: string): boolean {
  const words = label.toLowerCase().split(/[^a-z0-9]+/)
  return OUTCOME.test((words.at(-1) === 'type' ? words.at(-2) : words.at(-1)) ?? '')
}

/** Whether a matcher excludes series without the label. */
function wantsLabel({ op, value }: Matcher): boolean {
  if (op === '=') return value !== ''
  return op === '=~' && !promqlRegex(value)('')
}
