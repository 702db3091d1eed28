import { SpanKind } from '@opentelemetry/api'
import { serviceFailing, serviceSlow } from '../lab/manifest.ts'
import { networkMs, type Random, serviceMs } from './latency-model.ts'
import { FAILED, ids, SimulatedSpan, UNAVAILABLE } from './span.ts'
import type { Endpoint, PlannedCall, Situation } from './traced-cluster.ts'

/** The state of the cluster for a request. */
export interface RequestOptions {
  situation: Situation
  /** The share of its CPU that a pod uses now. */
  utilisation: (podUid: string) => number
  /** When the request ends (epoch). */
  endMs: number
  random?: Random
}

/** Limits of a request: in a graph of many layers, one request could make a million calls. */
const MAX_DEPTH = 16
const MAX_SPANS = 500
/** What a request to a slow Service takes longer in the mean, and the share of those that a failing one fails. */
const SLOW_MS = 1_000
const FAILING_SHARE = 0.5

/**
 * One request of a load generator with all its calls, as spans, each after its parent. A call is a client span in the caller
 * and a server span in a ready pod. A call without a ready pod fails, and so do its callers. A Service is not called again by
 * its own request, so a cycle ends.
 *
 * Empty when the generator has no ready pod or no calls.
 */
export function simulateRequest(pods: readonly Endpoint[], options: RequestOptions): SimulatedSpan[] {
  const { situation, utilisation, endMs, random = Math.random } = options
  const spans: SimulatedSpan[] = []
  const path: string[] = []
  const traceId = ids.generateTraceId()
  const generator = randomItem(pods, random)
  const first = generator === undefined ? undefined : randomItem(generator.calls, random)
  if (generator === undefined || first === undefined) return spans
  const root = makeCall(first, generator, undefined, 0)
  for (const span of spans) span.beginAt(endMs - root.endMs)
  return spans

  /** Adds a call that starts at `atMs`. */
  function makeCall(planned: PlannedCall, caller: Endpoint, parent: SimulatedSpan | undefined, atMs: number) {
    const { call, semantics } = planned
    const client = new SimulatedSpan(SpanKind.CLIENT, semantics.clientName, caller.resource, parent, traceId)
    spans.push(client)
    client.startMs = atMs
    const arrivedMs = atMs + networkMs(random)
    const callee = randomItem(situation.endpoints.get(call.service) ?? [], random)
    if (callee === undefined) {
      client.endMs = arrivedMs
      client.attributes = semantics.client.unavailable
      client.status = UNAVAILABLE
      return client
    }
    const server = new SimulatedSpan(SpanKind.SERVER, semantics.serverName, callee.resource, client, traceId)
    spans.push(server)
    server.startMs = arrivedMs
    path.push(call.service)
    const failed = handle(callee, server)
    path.pop()
    const outcome = failed ? 'failed' : 'ok'
    server.attributes = semantics.server[outcome]
    client.attributes = semantics.client[outcome]
    if (failed) {
      server.status = FAILED
      client.status = FAILED
    }
    client.endMs = server.endMs + networkMs(random)
    return client
  }

  /** A pod handles a request: some work, its calls one after the other, the rest of the work. Returns whether a call failed. */
  function handle(endpoint: Endpoint, server: SimulatedSpan): boolean {
    const scenario = situation.scenarios.get(path.at(-1) ?? '')
    const slowMs = scenario === serviceSlow ? SLOW_MS * (0.5 + random()) : 0
    const workMs = serviceMs(endpoint.idleMs, utilisation(endpoint.pod.uid), random) + slowMs
    let atMs = server.startMs + workMs * 0.6
    let failed = scenario === serviceFailing && random() < FAILING_SHARE
    if (path.length < MAX_DEPTH) {
      for (const planned of endpoint.calls) {
        if (spans.length >= MAX_SPANS - 1 || random() >= planned.share || path.includes(planned.call.service)) continue
        const call = makeCall(planned, endpoint, server, atMs)
        atMs = call.endMs
        failed ||= call.status.code === FAILED.code
      }
    }
    server.endMs = atMs + workMs * 0.4
    return failed
  }
}

function randomItem<T>(all: readonly T[], random: Random): T | undefined {
  return all[Math.floor(random() * all.length)]
}
