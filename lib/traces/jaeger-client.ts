import { LabError } from '../cli/errors.ts'
import { fields, items, text } from '../kube/json.ts'

/** A span of Jaeger's API, with the tags of its process, the resource, beside its own. */
export interface JaegerSpan {
  traceId: string
  spanId: string
  /** The parent span; undefined for the root. */
  parentId: string | undefined
  service: string
  name: string
  /** Epoch. */
  startMicros: number
  durationMicros: number
  /** Values as texts: `span.kind`, `error`, `http.response.status_code`. */
  tags: Readonly<Record<string, string>>
  /** `k8s.pod.name`, `k8s.node.name`, ... */
  resource: Readonly<Record<string, string>>
}

/** The services with spans in Jaeger. Throws a LabError when the query fails. */
export async function jaegerServices(baseUrl: string): Promise<string[]> {
  return items(fields(await get(`${baseUrl}/api/services`))['data']).filter(each => typeof each === 'string')
}

/**
 * The newest traces with spans of a service, each as its spans: within the look-back, or in a time range (epoch).
 *
 * Throws a LabError when the query fails.
 */
export async function jaegerTraces(
  baseUrl: string,
  service: string,
  {
    limit = 20,
    lookback = '1h',
    range,
  }: { limit?: number; lookback?: string; range?: { fromMs: number; untilMs: number } } = {},
): Promise<JaegerSpan[][]> {
  const micros = (timeMs: number) => String(Math.round(timeMs * 1_000))
  const when = range === undefined ? { lookback } : { start: micros(range.fromMs), end: micros(range.untilMs) }
  const parameters = new URLSearchParams({ service, limit: String(limit), ...when })
  const { data } = fields(await get(`${baseUrl}/api/traces?${parameters}`))
  return items(data).map(trace => {
    const processes = fields(fields(trace)['processes'])
    return items(fields(trace)['spans']).map(raw => spanOf(fields(raw), processes))
  })
}

function spanOf(span: Record<string, unknown>, processes: Record<string, unknown>): JaegerSpan {
  const process = fields(processes[text(span['processID']) ?? ''])
  const parent = items(span['references'])
    .map(fields)
    .find(each => each['refType'] === 'CHILD_OF')
  return {
    traceId: text(span['traceID']) ?? '',
    spanId: text(span['spanID']) ?? '',
    parentId: text(parent?.['spanID']),
    service: text(process['serviceName']) ?? '',
    name: text(span['operationName']) ?? '',
    startMicros: Number(span['startTime']),
    durationMicros: Number(span['duration']),
    tags: tagsOf(span['tags']),
    resource: tagsOf(process['tags']),
  }
}

function tagsOf(tags: unknown): Record<string, string> {
  return Object.fromEntries(items(tags).map(tag => [text(fields(tag)['key']) ?? '', String(fields(tag)['value'])]))
}

async function get(url: string): Promise<unknown> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(30_000) })
    if (!answer.ok) throw new Error(`it answers ${answer.status} ${(await answer.text()).slice(0, 200)}`)
    return await answer.json()
  } catch (error) {
    const reason = error instanceof Error && error.cause instanceof Error ? error.cause : error
    const why = reason instanceof Error ? reason.message : String(reason)
    throw new LabError(`Cannot query Jaeger at ${new URL(url).origin}`, { why, next: 'make kwok-status', cause: error })
  }
}
