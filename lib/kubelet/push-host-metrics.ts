import { setTimeout as sleep, setImmediate as yieldToScrapes } from 'node:timers/promises'
import { causeOf } from '../cli/errors.ts'
import { hostExtras } from './endpoints/host-extras.ts'
import { hostResourceMetrics } from './endpoints/host-metrics.ts'
import { measureNode } from './endpoints/node-measurement.ts'
import { postMetrics } from './otlp-metrics.ts'
import type { StatsMetrics } from './stats-proxy-metrics.ts'
import type { StatsStore } from './store/stats-store.ts'

export interface PushOptions {
  store: StatsStore
  metrics: Pick<StatsMetrics, 'countPush'>
  /** An OTLP/HTTP endpoint, without `/v1/metrics`. */
  url: string
  intervalMs: number
  /** False until the store has the whole cluster. */
  isSynced: () => boolean
  signal: AbortSignal
  log: (line: string) => void
}

/** Nodes per request: about a megabyte of JSON. */
const NODES_PER_REQUEST = 50

/**
 * Pushes the host metrics of every node, each interval until the signal. While a collector is unreachable, only samples are
 * lost: counters continue. Not by an SDK, which has one resource per meter provider: a thousand nodes would need a thousand
 * providers and requests.
 */
export async function startPushing(options: PushOptions): Promise<void> {
  const { intervalMs, signal, log } = options
  let lastFailure: string | undefined
  let pauseMs = Math.min(1_000, intervalMs)
  while (!signal.aborted) {
    await sleep(pauseMs, undefined, { signal }).catch(() => {})
    const startedMs = Date.now()
    const failure = await pushAll(options)
    if (signal.aborted) return
    if (failure !== lastFailure) {
      log(failure === undefined ? 'host metrics: accepted again' : `host metrics: ${failure}, trying again`)
    }
    lastFailure = failure
    pauseMs = Math.max(0, intervalMs - (Date.now() - startedMs))
  }
}

/** Pushes once; returns the last failure. */
async function pushAll({ store, metrics, url, isSynced, signal }: PushOptions): Promise<string | undefined> {
  if (!isSynced()) return undefined
  const names = store.nodeNames()
  let failure: string | undefined
  for (let at = 0; at < names.length && !signal.aborted; at += NODES_PER_REQUEST) {
    const resourceMetrics: unknown[] = []
    for (const name of names.slice(at, at + NODES_PER_REQUEST)) {
      const read = store.read(name)
      if (read === undefined) continue
      const measured = measureNode(read.entry, read.nowMs)
      resourceMetrics.push(hostResourceMetrics(measured, hostExtras(read.entry, measured, store)))
      // Lets scrapes run between nodes.
      await yieldToScrapes()
    }
    store.flush()
    const count = resourceMetrics.length
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(10_000)])
      const answer = await postMetrics(url, resourceMetrics, limit)
      const body = await answer.text()
      metrics.countPush(answer.ok ? 'accepted' : 'refused', count)
      if (!answer.ok) failure = `${url} answers ${answer.status} ${body.slice(0, 200)}`
    } catch (error) {
      metrics.countPush('failed', count)
      failure = `cannot reach ${url} (${causeOf(error)})`
    }
  }
  return failure
}
