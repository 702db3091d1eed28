import { SpanKind } from '@opentelemetry/api'
import { networkMs, type Random, serviceMs } from './latency-model.ts'
import { FAILED, newTraceId, SimulatedSpan, UNAVAILABLE } from './span.ts'
import type { Endpoint, PlannedCall, Situation } from './traced-cluster.ts'

/** What a request meets. */
export interface RequestOptions {
  situation: Situation
  /** The share of its CPU that a pod uses now. */
  utilisation: (podUid: string) => number
  /** When the request ends (epoch). */
  endMs: number
  random?: Random
}

/** No request goes deeper, and none has more spans: in a graph of many layers each call could be a million. */
const MOST_DEEP = 16
const MOST_SPANS = 500

/**
 * One request of a load generator and all that comes of it, as spans, each after its parent. Every call is a client span in
 * the caller and, where a ready pod takes it, a server span in that pod; whoever can't be reached, and all who asked for
 * it, have failed. A Service is not called again on the way that its own request takes, so a circle ends.
 *
 * Empty when the generator has no ready pod, or calls nobody.
 */
export function simulateRequest(pods: readonly Endpoint[], options: RequestOptions): SimulatedSpan[] {
  const { situation, utilisation, endMs, random = Math.random } = options
  const spans: SimulatedSpan[] = []
  const way: string[] = []
  const traceId = newTraceId()
  const generator = oneOf(pods, random)
  const first = generator === undefined ? undefined : oneOf(generator.calls, random)
  if (generator === undefined || first === undefined) return spans
  const root = makeCall(first, generator, undefined, 0)
  for (const span of spans) span.beginAt(endMs - root.endMs)
  return spans

  /** One call, from `atMs` on. */
  function makeCall(planned: PlannedCall, caller: Endpoint, parent: SimulatedSpan | undefined, atMs: number) {
    const { call, words } = planned
    const client = new SimulatedSpan(SpanKind.CLIENT, words.clientName, caller.resource, parent, traceId)
    spans.push(client)
    client.startMs = atMs
    const arrivedMs = atMs + networkMs(random)
    const callee = oneOf(situation.endpoints.get(call.service) ?? [], random)
    if (callee === undefined) {
      client.endMs = arrivedMs
      client.attributes = words.client.unavailable
      client.status = UNAVAILABLE
      return client
    }
    const server = new SimulatedSpan(SpanKind.SERVER, words.serverName, callee.resource, client, traceId)
    spans.push(server)
    server.startMs = arrivedMs
    way.push(call.service)
    const failed = handle(callee, server)
    way.pop()
    const outcome = failed ? 'failed' : 'ok'
    server.attributes = words.server[outcome]
    client.attributes = words.client[outcome]
    if (failed) {
      server.status = FAILED
      client.status = FAILED
    }
    client.endMs = server.endMs + networkMs(random)
    return client
  }

  /** What a pod does for a request: some work, its calls one after the other, the rest of the work. Whether it failed. */
  function handle(endpoint: Endpoint, server: SimulatedSpan): boolean {
    const workMs = serviceMs(endpoint.idleMs, utilisation(endpoint.pod.uid), random)
    let atMs = server.startMs + workMs * 0.6
    let failed = false
    if (way.length < MOST_DEEP) {
      for (const planned of endpoint.calls) {
        if (spans.length >= MOST_SPANS - 1 || random() >= planned.share || way.includes(planned.call.service)) continue
        const call = makeCall(planned, endpoint, server, atMs)
        atMs = call.endMs
        failed ||= call.status.code === FAILED.code
      }
    }
    server.endMs = atMs + workMs * 0.4
    return failed
  }
}

function oneOf<T>(all: readonly T[], random: Random): T | undefined {
  return all[Math.floor(random() * all.length)]
}
