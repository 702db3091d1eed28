import * as v from 'valibot'
import { causeOf, LabError } from '../cli/errors.ts'

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

/** Go writes an empty list as null. */
const listOf = <T extends v.GenericSchema>(item: T) => v.nullish(v.array(item), [])
const tagsSchema = v.pipe(
  listOf(v.object({ key: v.string(), value: v.unknown() })),
  v.transform(tags => Object.fromEntries(tags.map(({ key, value }) => [key, String(value)]))),
)
const tracesSchema = listOf(
  v.object({
    processes: v.record(v.string(), v.object({ serviceName: v.string(), tags: tagsSchema })),
    spans: listOf(
      v.object({
        traceID: v.string(),
        spanID: v.string(),
        processID: v.string(),
        operationName: v.string(),
        references: listOf(v.object({ refType: v.string(), spanID: v.string() })),
        startTime: v.number(),
        duration: v.number(),
        tags: tagsSchema,
      }),
    ),
  }),
)
type JaegerTrace = v.InferOutput<typeof tracesSchema>[number]

/** The services with spans in Jaeger. Throws a LabError when the query fails. */
export async function jaegerServices(baseUrl: string): Promise<string[]> {
  return await get(`${baseUrl}/api/services`, listOf(v.string()))
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
  const traces = await get(`${baseUrl}/api/traces?${parameters}`, tracesSchema)
  return traces.map(({ spans, processes }) => spans.map(span => spanOf(span, processes)))
}

function spanOf(span: JaegerTrace['spans'][number], processes: JaegerTrace['processes']): JaegerSpan {
  const process = processes[span.processID]
  return {
    traceId: span.traceID,
    spanId: span.spanID,
    parentId: span.references.find(({ refType }) => refType === 'CHILD_OF')?.spanID,
    service: process?.serviceName ?? '',
    name: span.operationName,
    startMicros: span.startTime,
    durationMicros: span.duration,
    tags: span.tags,
    resource: process?.tags ?? {},
  }
}

/** The `data` of an answer. */
async function get<T>(url: string, schema: v.GenericSchema<unknown, T>): Promise<T> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(30_000) })
    if (!answer.ok) throw new Error(`it answers ${answer.status} ${(await answer.text()).slice(0, 200)}`)
    return v.parse(v.object({ data: schema }), await answer.json()).data
  } catch (error) {
    const [what, why] = [`Cannot query Jaeger at ${new URL(url).origin}`, causeOf(error)]
    throw new LabError(what, { why, next: 'make kwok-status', cause: error })
  }
}
