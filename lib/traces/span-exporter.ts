import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'

/** What has become of spans, since the start. */
export interface SpanCounts {
  sent: number
  /** Left out because the queue was full. */
  dropped: number
  /** Given up after tries. */
  failed: number
}

/** Spans on their way to a receiver. */
export interface SpanExporter {
  /** Takes the spans of one trace, or, when there is no room, gives up the oldest that wait: whole traces, always. */
  add(trace: readonly ReadableSpan[]): void
  readonly counts: Readonly<SpanCounts>
  readonly waiting: number
  /** Sends what waits, for as long as `withinMs`, and lets go. */
  close(withinMs: number): Promise<void>
}

export interface ExporterOptions {
  /** An OTLP/HTTP endpoint, without `/v1/traces`. */
  url: string
  log: (line: string) => void
  /** Spans that may wait. */
  capacity?: number
  /** A request has this many spans at least, when there are so many, and whole traces. */
  batchSize?: number
  /** How long one request may take, all tries together. */
  timeoutMs?: number
  /** How long fewer spans than a batch wait for company. */
  delayMs?: number
}

const AT_ONCE = 2

/**
 * An exporter for all pods: one connection pool, one queue, and each span with its pod's resource. The SDK's own processor
 * would do, but it cuts batches in the middle of a trace, so that a batch that is lost leaves children without a parent, and
 * it doesn't tell what it drops. A receiver that is away or hangs costs what the queue can't hold, and is tried for ever.
 */
export function createSpanExporter(options: ExporterOptions): SpanExporter {
  const { url, log, capacity = 50_000, batchSize = 2_000, timeoutMs = 5_000, delayMs = 500 } = options
  const exporter = new OTLPTraceExporter({
    url: `${url}/v1/traces`,
    timeoutMillis: timeoutMs,
    concurrencyLimit: AT_ONCE,
  })
  const queue: (readonly ReadableSpan[])[] = []
  const counts: SpanCounts = { sent: 0, dropped: 0, failed: 0 }
  let waiting = 0
  let underWay = 0
  let trouble: string | undefined
  let timer: NodeJS.Timeout | undefined
  let isClosing = false
  let whenIdle = (): void => {}

  return {
    add(trace) {
      if (trace.length === 0) return
      queue.push(trace)
      waiting += trace.length
      while (waiting > capacity) counts.dropped += take()?.length ?? 0
      if (waiting >= batchSize) pump()
      else timer ??= setTimeout(pump, delayMs)
    },
    counts,
    get waiting() {
      return waiting
    },
    async close(withinMs) {
      isClosing = true
      pump()
      if (underWay === 0) return
      let limit: NodeJS.Timeout | undefined
      await new Promise<void>(resolve => {
        limit = setTimeout(resolve, withinMs)
        whenIdle = resolve
      })
      clearTimeout(limit)
      // Not its shutdown(): that waits for what hangs.
    },
  }

  function pump(): void {
    clearTimeout(timer)
    timer = undefined
    while (underWay < AT_ONCE && waiting > 0) send(nextBatch())
  }

  function nextBatch(): ReadableSpan[] {
    const batch: ReadableSpan[] = []
    while (batch.length < batchSize) {
      const trace = take()
      if (trace === undefined) break
      for (const span of trace) batch.push(span)
    }
    return batch
  }

  function take(): readonly ReadableSpan[] | undefined {
    const trace = queue.shift()
    waiting -= trace?.length ?? 0
    return trace
  }

  function send(batch: ReadableSpan[]): void {
    underWay++
    exporter.export(batch, ({ error }) => {
      underWay--
      if (error === undefined) counts.sent += batch.length
      else counts.failed += batch.length
      tell(error)
      // What has come meanwhile; fewer than a batch wait for company.
      if (waiting >= batchSize || isClosing) pump()
      else if (waiting > 0) timer ??= setTimeout(pump, delayMs)
      if (underWay === 0) whenIdle()
    })
  }

  function tell(error: Error | undefined): void {
    const said = error === undefined ? undefined : describe(error)
    const lost = `${counts.failed} spans given up and ${counts.dropped} dropped so far`
    if (said === undefined && trouble !== undefined) log(`traces: ${url} takes them again; ${lost}`)
    if (said !== undefined && trouble === undefined) log(`traces: cannot send to ${url} (${said}), trying on; ${lost}`)
    trouble = said
  }
}

/** The exporter's errors say little by themselves: a status, or nothing at all with the cause inside. */
function describe(error: Error): string {
  const { cause } = error
  if (cause instanceof Error && cause.message !== '') return cause.message
  return error.message || error.name
}
