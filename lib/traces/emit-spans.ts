import { trafficSurge } from '../lab/manifest.ts'
import type { Random } from './latency-model.ts'
import type { PodLoads } from './pod-load.ts'
import { simulateRequest } from './simulate-request.ts'
import type { SpanExporter } from './span-exporter.ts'
import type { Endpoint, TracedCluster } from './traced-cluster.ts'

export interface EmitOptions {
  cluster: Pick<TracedCluster, 'situation'>
  loads: Pick<PodLoads, 'utilisation'>
  exporter: Pick<SpanExporter, 'add'>
  /** Requests per second of all load generators together. */
  rate: number
  signal: AbortSignal
  random?: Random
  /** Called for each request. */
  onRequest?: (spans: number) => void
}

const TICK_MS = 50
/** After a pause of the process, requests of at most this time are made up for. */
const MAX_BEHIND_MS = 1_000
/** How many times as many requests a surge has. */
const SURGE = 5

/** Simulates requests at the rate until the signal, each by a random load generator. */
export function startEmitting(options: EmitOptions): void {
  const { rate, signal } = options
  let due = 0
  let lastMs = performance.now()
  const timer = setInterval(() => {
    const nowMs = performance.now()
    due += (rate * Math.min(MAX_BEHIND_MS, nowMs - lastMs)) / 1_000
    lastMs = nowMs
    const count = Math.floor(due)
    due -= count
    emit(count, options)
  }, TICK_MS)
  signal.addEventListener('abort', () => clearInterval(timer), { once: true })
}

/** Simulates `count` requests that end now. */
export function emit(count: number, options: Omit<EmitOptions, 'rate' | 'signal'>): void {
  const { cluster, loads, exporter, random = Math.random, onRequest } = options
  const endMs = Date.now()
  const situation = cluster.situation(endMs)
  const utilisation = (uid: string) => loads.utilisation(uid, endMs)
  for (let index = 0; index < count; index++) {
    const generator: readonly Endpoint[] | undefined = situation.roots[Math.floor(random() * situation.roots.length)]
    if (generator === undefined) return
    const isSurge = generator[0]?.calls.some(({ call }) => situation.scenarios.get(call.service) === trafficSurge)
    for (let time = 0; time < (isSurge ? SURGE : 1); time++) {
      const spans = simulateRequest(generator, { situation, utilisation, endMs, random })
      exporter.add(spans)
      onRequest?.(spans.length)
    }
  }
}
