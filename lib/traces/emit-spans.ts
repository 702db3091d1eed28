import type { Random } from './latency-model.ts'
import type { PodLoads } from './pod-load.ts'
import { simulateRequest } from './simulate-request.ts'
import type { SpanExporter } from './span-exporter.ts'
import type { Endpoint, TracedCluster } from './traced-cluster.ts'

export interface EmitOptions {
  cluster: Pick<TracedCluster, 'situation'>
  loads: Pick<PodLoads, 'utilisation'>
  exporter: Pick<SpanExporter, 'add'>
  /** Requests a second, all load generators together. */
  rate: number
  signal: AbortSignal
  random?: Random
  /** Told of each request. */
  onRequest?: (spans: number) => void
}

const TICK_MS = 50
/** After a pause of the process, no more than this is made up for. */
const MOST_BEHIND_MS = 1_000

/** Makes requests at the rate, evenly, each by a load generator taken by chance, until the signal. */
export function startEmitting(options: EmitOptions): void {
  const { rate, signal } = options
  let owed = 0
  let lastMs = performance.now()
  const timer = setInterval(() => {
    const nowMs = performance.now()
    owed += (rate * Math.min(MOST_BEHIND_MS, nowMs - lastMs)) / 1_000
    lastMs = nowMs
    const count = Math.floor(owed)
    owed -= count
    emit(count, options)
  }, TICK_MS)
  signal.addEventListener('abort', () => clearInterval(timer), { once: true })
}

/** Makes so many requests now. */
export function emit(count: number, options: Omit<EmitOptions, 'rate' | 'signal'>): void {
  const { cluster, loads, exporter, random = Math.random, onRequest } = options
  const endMs = Date.now()
  const situation = cluster.situation(endMs)
  const utilisation = (uid: string) => loads.utilisation(uid, endMs)
  for (let made = 0; made < count; made++) {
    const generator: readonly Endpoint[] | undefined = situation.roots[Math.floor(random() * situation.roots.length)]
    if (generator === undefined) return
    const spans = simulateRequest(generator, { situation, utilisation, endMs, random })
    exporter.add(spans)
    onRequest?.(spans.length)
  }
}
