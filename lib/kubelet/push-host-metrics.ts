import { setImmediate as turn } from 'node:timers/promises'
import { hostResourceMetrics } from './endpoints/host-metrics.ts'
import { type MeasuredNode, measureNode } from './endpoints/node-measurement.ts'
import type { StatsMetrics } from './stats-proxy-metrics.ts'
import type { StatsStore } from './store/stats-store.ts'

export interface PushOptions {
  store: StatsStore
  metrics: Pick<StatsMetrics, 'countPush'>
  /** An OTLP/HTTP endpoint, without `/v1/metrics`. */
  url: string
  intervalMs: number
  /** False while the store isn't whole. */
  isSynced: () => boolean
  signal: AbortSignal
  log: (line: string) => void
}

/** Nodes in one request: about a megabyte of JSON. */
const NODES_A_REQUEST = 50
const LOAD_SPANS_S = [60, 300, 900] as const

/** Mean busy cores over the last minutes, as a kernel reckons them, by node UID. */
type Loads = Map<string, { atMs: number; means: [number, number, number] }>

/**
 * Pushes the host metrics of every node, each interval until the signal. A collector that is away loses nothing but the
 * samples in between: counters go on. Made by hand and not by an SDK, for which a process is one resource: a thousand nodes
 * would be a thousand meter providers and as many requests.
 */
export function startPushing(options: PushOptions): Promise<void> {
  const { intervalMs, signal, log } = options
  const loads: Loads = new Map()
  let trouble: string | undefined
  return new Promise(resolve => {
    let timer: NodeJS.Timeout
    const round = async (): Promise<void> => {
      const startedMs = Date.now()
      const said = await pushAll(options, loads)
      if (signal.aborted) return
      if (said !== trouble)
        log(said === undefined ? 'host metrics: accepted again' : `host metrics: ${said}, trying on`)
      trouble = said
      timer = setTimeout(round, Math.max(0, intervalMs - (Date.now() - startedMs)))
    }
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        resolve()
      },
      { once: true },
    )
    timer = setTimeout(round, Math.min(1_000, intervalMs))
  })
}

/** One round; returns what went wrong, if anything did. */
async function pushAll(
  { store, metrics, url, isSynced, signal }: PushOptions,
  loads: Loads,
): Promise<string | undefined> {
  if (!isSynced()) return undefined
  const names = store.nodeNames()
  const seen = new Set<string>()
  let trouble: string | undefined
  for (let at = 0; at < names.length && !signal.aborted; at += NODES_A_REQUEST) {
    const resourceMetrics: unknown[] = []
    for (const name of names.slice(at, at + NODES_A_REQUEST)) {
      const read = store.read(name)
      if (read === undefined) continue
      const measured = measureNode(read.entry, read.nowMs)
      seen.add(measured.facts.uid)
      const { startMs, nowMs, total } = measured
      const cores = store.coreTimes(read.entry, { startMs, nowMs, busyNs: total.usageCoreNanoSeconds })
      resourceMetrics.push(hostResourceMetrics(measured, { loads: loadsOf(measured, loads), cores }))
      // Scrapes go before: a thousand nodes at once would make them wait.
      await turn()
    }
    store.flush()
    const count = resourceMetrics.length
    try {
      const answer = await fetch(`${url}/v1/metrics`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ resourceMetrics }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]),
      })
      const body = await answer.text()
      metrics.countPush(answer.ok ? 'accepted' : 'refused', count)
      if (!answer.ok) trouble = `${url} answers ${answer.status} ${body.slice(0, 200)}`
    } catch (error) {
      metrics.countPush('failed', count)
      trouble = `cannot reach ${url} (${describe(error)})`
    }
  }
  for (const uid of loads.keys()) if (!seen.has(uid)) loads.delete(uid)
  return trouble
}

function loadsOf({ facts, nowMs, total }: MeasuredNode, loads: Loads): [number, number, number] {
  const cores = total.usageNanoCores / 1e9
  const before = loads.get(facts.uid)
  const means = LOAD_SPANS_S.map((spanS, index) => {
    const mean = before?.means[index] ?? cores
    const keep = before === undefined ? 0 : Math.exp(-(nowMs - before.atMs) / 1_000 / spanS)
    return mean * keep + cores * (1 - keep)
  }) as [number, number, number]
  loads.set(facts.uid, { atMs: nowMs, means })
  return means
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message || error.message : error.message
}
