import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Reflector } from '../kube/reflector.ts'
import type { StatsStore } from './store/stats-store.ts'

/** The proxy's own metrics, served at `/metrics`. */
export type StatsMetrics = ReturnType<typeof createMetrics>

/** Metrics in a registry of their own. Gauges are read at each scrape. */
export function createMetrics(store: StatsStore, reflectors: () => Record<string, Reflector>) {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const requests = counter('http_requests_total', 'Requests answered, by route and HTTP status.', 'route', 'code')
  const events = counter('events_total', 'Objects set or deleted, from lists and watches.', 'kind', 'type')
  const badAnnotations = counter(
    'annotation_errors_total',
    'Invalid usage annotations, once for each pod and value.',
    'annotation',
  )
  const usageProblems = counter(
    'usage_errors_total',
    'Invalid entries of usage objects, and expressions each time they failed for a pod.',
    'kind',
  )
  const stateErrors = counter(
    'state_errors_total',
    'Failed writes of counters to the state file before they were served.',
  )
  const pushes = counter('pushed_nodes_total', 'Nodes whose host metrics were pushed, by result of the push.', 'result')
  const tunnels = counter('kubelet_tunnels_total', 'CONNECT requests to kubelets, by result.', 'result')
  const handshakes = counter('kubelet_tls_handshakes_total', 'TLS handshakes of kubelets, by kind.', 'kind')
  const authentications = counter(
    'kubelet_authentications_total',
    'Authenticated and refused requests to kubelets over TLS, by kind of credentials.',
    'result',
  )
  const patches = counter('node_address_patches_total', 'Patches of node addresses, by result.', 'result')
  const handOvers = counter('hand_overs_total', 'Nodes taken over from other shards, and released to them.', 'result')
  gauge('usage_objects', 'ResourceUsage and ClusterResourceUsage objects held.', () => store.usageObjectCount)
  gauge('state_bytes', 'Size of the state file.', () => store.stateBytes)
  gauge('nodes', 'Nodes held.', () => store.nodeCount)
  gauge('pods', 'Pods held, of any phase.', () => store.podCount)
  gauge('running_pods', 'Pods in the summaries.', () => store.runningPodCount)
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
    countRequest: (route: string, status: number) => requests.inc({ route, code: String(status) }),
    countEvent: (kind: string, type: string) => events.inc({ kind, type }),
    countBadAnnotation: (annotation: string) => badAnnotations.inc({ annotation }),
    countUsageProblem: (kind: string) => usageProblems.inc({ kind }),
    countStateError: () => stateErrors.inc(),
    countTunnel: (result: 'accepted' | 'refused') => tunnels.inc({ result }),
    countHandshake: (kind: 'full' | 'resumed' | 'failed') => handshakes.inc({ kind }),
    countAuthentication: (result: 'certificate' | 'token' | 'refused' | 'error') => authentications.inc({ result }),
    countAddressPatch: (result: 'accepted' | 'refused') => patches.inc({ result }),
    countHandOver: (result: 'taken' | 'released') => handOvers.inc({ result }),
    countPush: (result: 'accepted' | 'refused' | 'failed', nodes: number) => pushes.inc({ result }, nodes),
    /** The text and its content type. */
    expose: async () => ({ body: await registry.metrics(), contentType: registry.contentType }),
  }

  function counter(name: string, help: string, ...labelNames: string[]): Counter {
    return new Counter({ name: `stats_proxy_${name}`, help, labelNames, registers })
  }

  function gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name: `stats_proxy_${name}`,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  }
}
