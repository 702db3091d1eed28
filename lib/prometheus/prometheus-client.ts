import * as v from 'valibot'
import { parse } from 'yaml'
import { LabError, systemErrorCode } from '../cli/errors.ts'
import { fields, items, text } from '../kube/json.ts'
import { durationMs } from '../promql/durations.ts'

/** Labels of a series. */
export type Labels = Readonly<Record<string, string>>

/** One series of an instant query: its labels, and its value. */
export interface Sample {
  labels: Labels
  value: number
}

/** One series of a range query: its labels, and its points from the oldest on. */
export interface RangeSeries {
  labels: Labels
  /** Epoch milliseconds and value. */
  points: readonly (readonly [timeMs: number, value: number])[]
}

/** A time range of a query, in epoch milliseconds. */
export interface TimeRange {
  fromMs: number
  untilMs: number
}

/** One query has no result: Prometheus refused it, or gave no answer to it and answers others; `why` is the reason alone. */
export class QueryError extends LabError {
  override readonly name = 'QueryError'
  readonly why: string

  constructor(what: string, why: string, cause?: unknown) {
    super(what, { why, cause })
    this.why = why
  }
}

/** No query has a result: there is no Prometheus at the URL, or no more time for it. */
export class PrometheusUnreachable extends LabError {
  override readonly name = 'PrometheusUnreachable'
}

/** How long one request took. */
export interface Timing {
  query: string
  kind: 'instant' | 'range' | 'values' | 'state'
  durationMs: number
}

/**
 * A Prometheus over its HTTP API (prometheus.io/docs/prometheus/latest/querying/api). The same request is made once, however often it is asked
 * for, except where the answer is too large to keep (a range, more than a thousand series) or is the state of Prometheus now (alerts, rules). All
 * methods throw a QueryError when one query has no result, and a PrometheusUnreachable when none has.
 */
export interface PrometheusApi {
  readonly url: string
  /** Throws a PrometheusUnreachable unless a Prometheus answers. */
  probe(): Promise<void>
  /** An instant query, at a time (epoch) or now. */
  instant(expression: string, timeMs?: number): Promise<Sample[]>
  range(expression: string, range: TimeRange, stepMs: number): Promise<RangeSeries[]>
  /** The values of a label, of the series that match a selector or of all. */
  labelValues(label: string, selector: string | undefined, range: TimeRange): Promise<string[]>
  labelNames(selector: string | undefined, range: TimeRange): Promise<string[]>
  /** All rules that are loaded, with the result of their last evaluation. */
  rules(): Promise<LoadedRule[]>
  /** Its version; undefined where it does not state one. */
  version(): Promise<string | undefined>
  /** The interval at which it scrapes jobs without one of their own, in milliseconds; undefined where it does not state one. */
  scrapeIntervalMs(): Promise<number | undefined>
  /** Every request made so far. */
  readonly timings: readonly Timing[]
}

const string = v.nullish(v.string(), '')
const duration = v.nullish(v.number(), 0)
const labels = v.nullish(v.record(v.string(), v.string()), {})
const activeAlertSchema = v.object({
  labels,
  annotations: labels,
  state: string,
  value: string,
  /** When it began to wait, or to fire without `for`, ISO 8601. */
  activeAt: string,
})
const loadedRuleSchema = v.object({
  type: string,
  /** Of the alert or of the recorded series. */
  name: string,
  query: string,
  /** `ok`, `err`, or `unknown` before the first evaluation. */
  health: v.nullish(v.string(), 'unknown'),
  lastError: string,
  /** Of an alert: `inactive`, `pending` or `firing`. */
  state: v.optional(v.string()),
  /** The series that wait or fire. */
  alerts: v.nullish(v.array(activeAlertSchema), []),
  /** The time of the last evaluation, ISO 8601; in the year 1 before the first. */
  lastEvaluation: string,
  /** How long it took. */
  evaluationTime: duration,
})
const groupSchema = v.object({
  file: string,
  name: string,
  interval: duration,
  rules: v.nullish(v.array(loadedRuleSchema), []),
})
const rulesSchema = v.object({ groups: v.nullish(v.array(groupSchema), []) })

/** A series of an alert that waits or fires. */
export type ActiveAlert = v.InferOutput<typeof activeAlertSchema>

/** A rule that Prometheus evaluates, times in seconds. */
export type LoadedRule = v.InferOutput<typeof loadedRuleSchema> & {
  /** The path of its file, as Prometheus sees it. */
  file: string
  group: string
  /** Its place in the group. */
  index: number
  /** How often its group is evaluated. */
  interval: number
}

/** Answers of more series are not kept: of ten thousand pods some hundred would take a gigabyte. */
const MOST_KEPT = 1_000

/**
 * A client of one Prometheus that has at most `maxAtOnce` requests under way, each for `timeoutMs` at most and none when `signal` says so; `next`
 * is what to do when it can't be reached.
 */
export function createPrometheusApi(
  url: string,
  {
    maxAtOnce = 3,
    timeoutMs = 60_000,
    signal,
    next,
  }: { maxAtOnce?: number; timeoutMs?: number; signal?: AbortSignal; next?: string } = {},
): PrometheusApi {
  const answers = new Map<string, Promise<unknown>>()
  const timings: Timing[] = []
  const waiting: (() => void)[] = []
  let underWay = 0

  return {
    url,
    timings,
    probe,
    async instant(expression, timeMs) {
      const form = { query: expression, ...(timeMs === undefined ? {} : { time: seconds(timeMs) }) }
      return samples(await ask('instant', expression, 'query', form))
    },
    async range(expression, { fromMs, untilMs }, stepMs) {
      const form = { query: expression, start: seconds(fromMs), end: seconds(untilMs), step: seconds(stepMs) }
      const data = await ask('range', expression, 'query_range', form)
      return items(fields(data)['result']).map(series => ({
        labels: labelsOf(series),
        points: items(fields(series)['values']).map(point => {
          const [atS, value] = items(point)
          return [Math.round(Number(atS) * 1_000), numberOf(value)] as const
        }),
      }))
    },
    async labelValues(label, selector, range) {
      return await names(`label/${encodeURIComponent(escapedLabel(label))}/values`, selector, range)
    },
    async labelNames(selector, range) {
      return await names('labels', selector, range)
    },
    async rules() {
      const answer = v.safeParse(rulesSchema, await ask('state', 'rules', 'rules'))
      if (!answer.success) throw new QueryError(`Cannot read the rules of ${url}`, v.summarize(answer.issues))
      return answer.output.groups.flatMap(({ name: group, rules, ...rest }) =>
        rules.map((rule, index) => ({ ...rule, ...rest, group, index })),
      )
    },
    async version() {
      return text(fields(await ask('state', 'version', 'status/buildinfo'))['version'])
    },
    async scrapeIntervalMs() {
      const config = parse(text(fields(await ask('state', 'configuration', 'status/config'))['yaml']) ?? '')
      return durationMs(text(fields(fields(config)['global'])['scrape_interval']) ?? '')
    },
  }

  async function names(path: string, selector: string | undefined, range: TimeRange): Promise<string[]> {
    const parameters = new URLSearchParams({ start: seconds(range.fromMs), end: seconds(range.untilMs) })
    if (selector !== undefined) parameters.set('match[]', selector)
    const data = await ask('values', `${path} of ${selector ?? 'all series'}`, `${path}?${parameters}`)
    return items(data).filter(each => typeof each === 'string')
  }

  async function ask(
    kind: Timing['kind'],
    query: string,
    path: string,
    form?: Record<string, string>,
  ): Promise<unknown> {
    const key = `${path} ${JSON.stringify(form ?? '')}`
    const known = answers.get(key)
    if (known !== undefined) return await known
    const answer = inTurn(async () => {
      const startedMs = performance.now()
      try {
        return await request(path, query, form)
      } finally {
        timings.push({ kind, query, durationMs: performance.now() - startedMs })
      }
    })
    // The others are large, or of now.
    const isKept = kind === 'values' || (kind === 'instant' && form?.['time'] !== undefined)
    if (!isKept) return await answer
    answers.set(key, answer)
    const data = await answer
    if (items(fields(data)['result']).length > MOST_KEPT) answers.delete(key)
    return data
  }

  async function inTurn<T>(act: () => Promise<T>): Promise<T> {
    if (underWay >= maxAtOnce) await new Promise<void>(resolve => waiting.push(resolve))
    else underWay++
    try {
      return await act()
    } finally {
      const next = waiting.shift()
      if (next === undefined) underWay--
      else next()
    }
  }

  async function request(path: string, query: string, form: Record<string, string> | undefined): Promise<unknown> {
    try {
      return await answered(path, query, form)
    } catch (error) {
      if (error instanceof QueryError || error instanceof PrometheusUnreachable) throw error
      // Others may be answered. Where none is, that is said once, and not of each query.
      await probe()
      throw new QueryError(`Prometheus gave no answer to ${query}`, reasonOf(error), error)
    }
  }

  async function probe(): Promise<void> {
    try {
      await answered('query', '1', { query: '1' })
    } catch (error) {
      throw unreachable(error)
    }
  }

  function unreachable(error: unknown): PrometheusUnreachable {
    return new PrometheusUnreachable(`Cannot query Prometheus at ${url}`, { why: reasonOf(error), next, cause: error })
  }

  async function answered(path: string, query: string, form: Record<string, string> | undefined): Promise<unknown> {
    const timeout = AbortSignal.timeout(timeoutMs)
    const post = form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }
    // Over loopback, compressing costs both sides more than it saves.
    const headers = { 'accept-encoding': 'identity' }
    const ask = async () => {
      const answer = await fetch(`${url}/api/v1/${path}`, {
        headers,
        ...post,
        signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
      })
      return { status: answer.status, content: await answer.text() }
    }
    let answer: Awaited<ReturnType<typeof ask>>
    try {
      // A connection that was kept open may be closed at the moment it is used again.
      answer = await ask().catch(error => (isDropped(error) ? ask() : Promise.reject(error)))
    } catch (error) {
      if (signal?.aborted === true) throw unreachable(error)
      if (timeout.aborted) throw new Error(`it took longer than ${timeoutMs / 1_000} s`, { cause: error })
      throw error
    }
    const { content } = answer
    let body: unknown
    try {
      body = JSON.parse(content)
    } catch (error) {
      throw new Error(`it answered HTTP ${answer.status} and no JSON: ${firstWords(content)}`, { cause: error })
    }
    const { status, data, error } = fields(body)
    if (status === 'success') return data
    const why = text(error) ?? `it answered HTTP ${answer.status}: ${firstWords(content)}`
    throw new QueryError(`Prometheus refused ${query}`, why)
  }
}

/**
 * One instant query, at this moment.
 *
 * Throws as `createPrometheusApi` does.
 */
export async function query(url: string, expression: string): Promise<Sample[]> {
  return await createPrometheusApi(url, { timeoutMs: 30_000, next: 'make kwok-status' }).instant(expression)
}

/** The answer to an optional query; undefined when it is refused. Some databases with a PromQL API have no rules. */
export async function orNone<T>(answer: Promise<T>): Promise<T | undefined> {
  return await answer.catch((error: unknown) => {
    if (error instanceof QueryError) return undefined
    throw error
  })
}

function isDropped(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  return ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(systemErrorCode(cause) ?? '')
}

/** fetch() itself only says that it failed. */
function reasonOf(error: unknown): string {
  const isFetch = error instanceof TypeError && error.cause instanceof Error
  const reason = error instanceof QueryError ? error.why : isFetch ? error.cause : error
  return reason instanceof Error ? reason.message || reason.name : String(reason)
}

/** Enough of a page to tell what it is. */
function firstWords(content: string): string {
  const words = content.trim().slice(0, 1_000).replace(/\s+/g, ' ')
  return words.length > 100 ? `${words.slice(0, 100)}…` : words || 'an empty answer'
}

/** A label as paths have it: a UTF-8 name by Prometheus's "values escaping" (`U__k8s_2e_pod_2e_name`), which a name that looks like it needs too. */
function escapedLabel(label: string): string {
  if (/^[a-zA-Z_:][\w:]*$/.test(label) && !label.startsWith('U__')) return label
  const escaped = [...label].map((character, at) => {
    if (character === '_') return '__'
    return /[a-zA-Z:]/.test(character) || (at > 0 && /\d/.test(character))
      ? character
      : `_${character.codePointAt(0)?.toString(16)}_`
  })
  return `U__${escaped.join('')}`
}

/** A vector, or a scalar as one sample without labels. */
function samples(data: unknown): Sample[] {
  const { resultType, result } = fields(data)
  if (resultType === 'scalar') return [{ labels: {}, value: numberOf(items(result)[1]) }]
  return items(result).map(series => ({ labels: labelsOf(series), value: numberOf(items(fields(series)['value'])[1]) }))
}

function labelsOf(series: unknown): Labels {
  return fields(fields(series)['metric']) as Record<string, string>
}

/** Prometheus writes `+Inf`, which JavaScript does not read. */
function numberOf(value: unknown): number {
  return Number(String(value).replace('Inf', 'Infinity'))
}

function seconds(timeMs: number): string {
  return (timeMs / 1_000).toFixed(3)
}
