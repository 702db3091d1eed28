import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Reflector } from '../kube/reflector.ts'
import type { StatsStore } from './store/stats-store.ts'

/** The proxy's own metrics, served at `/metrics`. */
export interface StatsMetrics {
  countRequest(route: string, status: number): void
  countEvent(kind: string, type: string): void
  countBadAnnotation(annotation: string): void
  countUsageProblem(kind: string): void
  countStateError(): void
  countPush(result: 'accepted' | 'refused' | 'failed', nodes: number): void
  /** The text and its content type. */
  expose(): Promise<{ body: string; contentType: string }>
}

/** Metrics in a registry of their own. Gauges are read at each scrape. */
export function createMetrics(store: StatsStore, reflectors: () => Record<string, Reflector>): StatsMetrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const requests = new Counter({
    name: 'stats_proxy_http_requests_total',
    help: 'Requests answered, by route and HTTP status.',
    labelNames: ['route', 'code'],
    registers,
  })
  const events = new Counter({
    name: 'stats_proxy_events_total',
    help: 'Objects set or deleted, from lists and watches.',
    labelNames: ['kind', 'type'],
    registers,
  })
  const bad = new Counter({
    name: 'stats_proxy_annotation_errors_total',
    help: 'Invalid usage annotations, once for each pod and value.',
    labelNames: ['annotation'],
    registers,
  })
  const usageProblems = new Counter({
    name: 'stats_proxy_usage_errors_total',
    help: 'Invalid entries of usage objects, and expressions each time they failed for a pod.',
    labelNames: ['kind'],
    registers,
  })
  const stateErrors = new Counter({
    name: 'stats_proxy_state_errors_total',
    help: 'Failed writes of counters to the state file before they were served.',
    registers,
  })
  const pushes = new Counter({
    name: 'stats_proxy_pushed_nodes_total',
    help: 'Nodes whose host metrics were pushed, by result of the push.',
    labelNames: ['result'],
    registers,
  })
  gauge(
    'stats_proxy_usage_objects',
    'ResourceUsage and ClusterResourceUsage objects held.',
    () => store.usageObjectCount,
  )
  gauge('stats_proxy_state_bytes', 'Size of the state file.', () => store.stateBytes)
  gauge('stats_proxy_nodes', 'Nodes held.', () => store.nodeCount)
  gauge('stats_proxy_pods', 'Pods held, of any phase.', () => store.podCount)
  gauge('stats_proxy_running_pods', 'Pods in the summaries.', () => store.runningPodCount)
  new Gauge({
    name: 'stats_proxy_api_contact_age_seconds',
    help: 'Time since the API server last sent anything; absent before it first did.',
    labelNames: ['kind'],
    registers,
    collect() {
      for (const [kind, { lastContactMs }] of Object.entries(reflectors())) {
        if (lastContactMs !== undefined) this.set({ kind }, Math.max(0, Date.now() - lastContactMs) / 1_000)
      }
    },
  })

  return {
    countRequest: (route, status) => requests.inc({ route, code: String(status) }),
    countEvent: (kind, type) => events.inc({ kind, type }),
    countBadAnnotation: annotation => bad.inc({ annotation }),
    countUsageProblem: kind => usageProblems.inc({ kind }),
    countStateError: () => stateErrors.inc(),
    countPush: (result, nodes) => pushes.inc({ result }, nodes),
    expose: async () => ({ body: await registry.metrics(), contentType: registry.contentType }),
  }

  function gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  }
}
