import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { LabError } from '../../cli/errors.ts'
import { ApiStatusError, connect, type KubeClient } from '../../kube/api-client.ts'
import type { PresetName } from '../../kubelet/objects/facts.ts'
import type { Lab } from '../../lab/lab.ts'
import { createPrometheusApi, type PrometheusApi } from '../../prometheus/prometheus-client.ts'
import { scenarioJournal } from '../../scenarios/scenario-journal.ts'
import { hasJaeger, jaegerUrl } from '../../services/jaeger.ts'
import { labPrometheus } from '../../services/prometheus.ts'
import { readCalls } from './call-truth.ts'
import { type ClusterSnapshot, readCluster } from './cluster-snapshot.ts'
import { collectionTimes, type KubeletHistory, kubeletUsage, readKubelets } from './kubelet-truth.ts'
import type { ClusterState, StateReader } from './pass-criteria.ts'
import type { UsageSource } from './usage-bounds.ts'
import { modelUsage } from './usage-truth.ts'

/**
 * The reader of the lab's cluster; undefined without a cluster, as when an external Prometheus is verified. Call
 * `close` at the end.
 */
export async function labTruth(lab: Lab, windowMs: number): Promise<(StateReader & { close(): void }) | undefined> {
  if (!labPrometheus(lab).isLab || (lab.kind === 'kwok' && !existsSync(lab.adminKubeconfig))) return undefined
  const client = await connect({ kubeconfig: lab.adminKubeconfig || undefined, context: lab.context })
  const { clusterName, usagePreset } = lab.settings
  const api = createPrometheusApi(labPrometheus(lab).url)
  const jaeger = hasJaeger(lab) && !isJaegerStopped(lab) ? { jaegerUrl: jaegerUrl(lab) } : {}
  const truth = clusterTruth(client, { clusterName, preset: usagePreset, windowMs, api, ...jaeger })
  return { ...truth, close: () => client.close() }
}

/** Whether a scenario has stopped Jaeger, which has the spans that calls are compared with. */
export function isJaegerStopped(lab: Pick<Lab, 'dataDir'>): boolean {
  return scenarioJournal(lab)
    .requests()
    .some(({ target }) => target === 'jaeger')
}

type Client = Pick<KubeClient, 'request'>

interface TruthOptions {
  clusterName: string
  preset: PresetName
  windowMs: number
  /** Prometheus has the times of collections and the revisions of etcd. */
  api: Pick<PrometheusApi, 'instant' | 'range'>
  jaegerUrl?: string
}

/**
 * Reads the states of a cluster: counts and requests from its API, usage from the usage model where all nodes are
 * simulated, else from the kubelet of every node. Reading kubelets takes longer than the rate window, because they
 * serve only totals.
 */
export function clusterTruth(client: Client, given: TruthOptions): StateReader {
  const { clusterName, preset } = given
  return {
    name:
      given.jaegerUrl === undefined
        ? 'the API and the usage of the pods'
        : 'the API, the usage of the pods and the spans',
    async read() {
      const snapshot = await readCluster(client, clusterName)
      if (isSimulated(snapshot)) {
        return { snapshot, usage: modelUsage(snapshot, preset), ...callsOf(snapshot, given.jaegerUrl) }
      }
      const real = await realUsage(client, given, snapshot)
      return { snapshot: await readCluster(client, clusterName), ...real }
    },
    async readAt(timeMs) {
      const query = `max(etcd_debugging_mvcc_current_revision{k8s_cluster_name="${clusterName}"})`
      const [sample] = await given.api.instant(query, timeMs)
      if (sample === undefined) return undefined
      try {
        const snapshot = await readCluster(client, clusterName, String(sample.value))
        return isSimulated(snapshot) ? { snapshot, usage: modelUsage(snapshot, preset) } : undefined
      } catch (error) {
        if (error instanceof ApiStatusError && error.status === GONE) return undefined
        throw error
      }
    },
  }
}

/** The HTTP status of a compacted revision. */
const GONE = 410

/** cAdvisor measures each container every 10 s at most, so that no measurement is missed. */
const READ_EVERY_MS = 2_500
/** The longest gap between answers in which no measurement is missed. */
const MAX_GAP_MS = 7_500
/** Kubelets are read for longer than the window: what they serve at its start was measured before. */
const READ_WINDOWS = 1.5
/** The delay from the collector to Prometheus. */
const ARRIVAL_MS = 3_000

/**
 * The usage of real pods over a rate window as a collector must receive it: the kubelets' values at the times at
 * which, by Prometheus, the collector read them.
 */
async function realUsage(
  client: Client,
  { api, clusterName, windowMs }: TruthOptions,
  snapshot: ClusterSnapshot,
): Promise<{ usage: UsageSource; untilMs: number }> {
  const nodes = snapshot.nodes.map(({ name }) => name)
  const kubelets = new Map<string, KubeletHistory>()
  const knownMs = READ_WINDOWS * windowMs
  const endMs = Date.now() + knownMs + ARRIVAL_MS
  await readKubelets(client, nodes, kubelets)
  let answeredMs = Date.now()
  while (Date.now() < endMs) {
    await sleep(READ_EVERY_MS)
    try {
      await readKubelets(client, nodes, kubelets)
      answeredMs = Date.now()
    } catch (error) {
      if (!(error instanceof LabError) || Date.now() - answeredMs > MAX_GAP_MS) throw error
    }
  }
  const untilMs = Date.now() - ARRIVAL_MS
  const collectedMs = await collectionTimes(api, { clusterName, untilMs, lengthMs: knownMs })
  return { usage: kubeletUsage(kubelets, collectedMs, { untilMs, lengthMs: windowMs }), untilMs }
}

/** Spans are read once, for the first query that needs them. */
function callsOf({ traced }: ClusterSnapshot, jaegerUrl: string | undefined): Pick<ClusterState, 'readCalls'> {
  if (jaegerUrl === undefined || traced.generators.length === 0) return {}
  let calls: ReturnType<typeof readCalls> | undefined
  return {
    readCalls: async untilMs => {
      calls ??= readCalls(jaegerUrl, traced.generators, untilMs)
      return await calls
    },
  }
}

function isSimulated({ nodes }: ClusterSnapshot): boolean {
  return nodes.every(node => node.isSimulated)
}
