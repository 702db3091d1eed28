import { setTimeout as sleep } from 'node:timers/promises'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import { causeOf } from '../cli/errors.ts'

/** Numbers of spans by result, since the start. */
export interface SpanCounts {
  sent: number
  /** Dropped because the queue was full. */
  dropped: number
  /** Not accepted after all retries. */
  failed: number
}

/** Sends spans to a receiver. */
export type SpanExporter = ReturnType<typeof createSpanExporter>

export interface ExporterOptions {
  /** An OTLP/HTTP endpoint, without `/v1/traces`. */
  url: string
  log: (line: string) => void
  /** The most spans in the queue. */
  capacity?: number
  /** The spans after which a request is full; it has whole traces. */
  batchSize?: number
  /** The time limit of a request with its retries. */
  timeoutMs?: number
  /** How long an incomplete batch waits for more spans. */
  delayMs?: number
}

const MAX_CONCURRENT = 2

/**
 * An exporter for all pods: one connection pool, one queue, and each span with its pod's resource. The SDK's own processor
 * splits traces between batches, so that a lost batch leaves children without a parent, and does not report dropped spans. While
 * a receiver is unreachable, the exporter keeps trying and drops spans that do not fit into the queue.
 */
export function createSpanExporter(options: ExporterOptions) {
  const { url, log, capacity = 50_000, batchSize = 2_000, timeoutMs = 5_000, delayMs = 500 } = options
  const exporter = new OTLPTraceExporter({
    url: `${url}/v1/traces`,
    timeoutMillis: timeoutMs,
    concurrencyLimit: MAX_CONCURRENT,
  })
  const queue: (readonly ReadableSpan[])[] = []
  const counts: SpanCounts = { sent: 0, dropped: 0, failed: 0 }
  let waiting = 0
  let inFlight = 0
  let isFailing = false
  let timer: NodeJS.Timeout | undefined
  let isClosing = false
  let whenIdle = (): void => {}

  return {
    /** Queues the spans of one trace. A full queue drops its oldest traces. */
    add(trace: readonly ReadableSpan[]) {
      if (trace.length === 0) return
      queue.push(trace)
      waiting += trace.length
      while (waiting > capacity) counts.dropped += take()?.length ?? 0
      if (waiting >= batchSize) pump()
      else timer ??= setTimeout(pump, delayMs)
    },
    counts: counts as Readonly<SpanCounts>,
    get waiting() {
      return waiting
    },
    /** Sends the queue, for at most `withinMs`. */
    async close(withinMs: number) {
      isClosing = true
      pump()
      if (inFlight === 0) return
      // Not the exporter's shutdown(), which waits for requests that hang.
      const idle = new Promise<void>(resolve => {
        whenIdle = resolve
      })
      await Promise.race([idle, sleep(withinMs, undefined, { ref: false })])
    },
  }

  function pump(): void {
    clearTimeout(timer)
    timer = undefined
    while (inFlight < MAX_CONCURRENT && waiting > 0) send(nextBatch())
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
    inFlight++
    exporter.export(batch, ({ error }) => {
      inFlight--
      if (error === undefined) counts.sent += batch.length
      else counts.failed += batch.length
      logChange(error)
      // Spans that were queued meanwhile.
      if (waiting >= batchSize || isClosing) pump()
      else if (waiting > 0) timer ??= setTimeout(pump, delayMs)
      if (inFlight === 0) whenIdle()
    })
  }

  /** Logs the first failure after a success, and the first success after a failure. */
  function logChange(error: Error | undefined): void {
    const fails = error !== undefined
    if (fails === isFailing) return
    isFailing = fails
    const lost = `${counts.failed} spans failed and ${counts.dropped} dropped so far`
    if (error === undefined) log(`traces: ${url} accepts them again; ${lost}`)
    else log(`traces: cannot send to ${url} (${causeOf(error)}), trying again; ${lost}`)
  }
}
