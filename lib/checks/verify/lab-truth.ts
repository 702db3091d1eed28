import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { LabError } from '../../cli/errors.ts'
import { ApiStatusError, connect, type KubeClient } from '../../kube/api-client.ts'
import type { PresetName } from '../../kubelet/objects/facts.ts'
import type { Lab } from '../../lab/lab.ts'
import { createPrometheusApi, type PrometheusApi } from '../../prometheus/prometheus-client.ts'
import { hasJaeger, jaegerUrl } from '../../services/jaeger.ts'
import { prometheusUrl } from '../../services/prometheus.ts'
import { readCalls } from './call-truth.ts'
import { type ClusterSnapshot, readCluster } from './cluster-snapshot.ts'
import { collectionTimes } from './collection-times.ts'
import { askKubelets, type KubeletTold, kubeletUsage } from './kubelet-truth.ts'
import type { ClusterState, StateReader } from './pass-criteria.ts'
import type { UsageSource } from './usage-bounds.ts'
import { modelUsage } from './usage-truth.ts'

/** The Prometheus to verify against, and whether it is the lab's own. */
export function labPrometheus(lab: Lab): { url: string; isLab: boolean } {
  const own = prometheusUrl(lab)
  const { prometheusUrl: chosen } = lab.settings
  return chosen === 'auto' ? { url: own, isLab: true } : { url: chosen, isLab: chosen === own }
}

/**
 * The lab's cluster as a source of truth; undefined when there is no such cluster, as when somebody else's Prometheus is
 * verified. To be closed at the end.
 */
export async function labTruth(lab: Lab, windowMs: number): Promise<(StateReader & { close(): void }) | undefined> {
  if (!labPrometheus(lab).isLab || (lab.kind === 'kwok' && !existsSync(lab.adminKubeconfig))) return undefined
  const client = await connect({ kubeconfig: lab.adminKubeconfig || undefined, context: lab.context })
  const { clusterName, usagePreset } = lab.settings
  const api = createPrometheusApi(labPrometheus(lab).url)
  const given = {
    ...{ clusterName, preset: usagePreset, windowMs, api },
    ...(hasJaeger(lab) ? { jaegerUrl: jaegerUrl(lab) } : {}),
  }
  return { ...clusterTruth(client, given), close: () => client.close() }
}

type Client = Pick<KubeClient, 'request'>

interface Given {
  clusterName: string
  preset: PresetName
  windowMs: number
  /** The Prometheus that knows when real kubelets were asked, and which revision etcd had when. */
  api: Pick<PrometheusApi, 'instant' | 'range'>
  jaegerUrl?: string
}

/**
 * A cluster as a source of truth: counts and requests from its API, usage from the usage model where all nodes are simulated, else from every
 * node's kubelet. Reading kubelets takes longer than the rate window, for they only tell what they have counted in all.
 */
export function clusterTruth(client: Client, given: Given): StateReader {
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

/** The server's answer for a revision that is compacted. */
const GONE = 410

/** A kubelet's cAdvisor measures each container anew after 10 s at the least, so that no measurement is missed. */
const ASKED_EACH_MS = 2_500
/** So long they may go without an answer, and no measurement is missed. */
const UNANSWERED_MS = 7_500
/** So much longer than the window is asked: what was served at its beginning was measured before. */
const ASKED_WINDOWS = 1.5
/** What a collector has by then is in Prometheus by now. */
const ARRIVED_MS = 3_000

/**
 * What real pods used over a rate window, as a collector must have it: what the kubelets served, of which Prometheus says when the
 * collector asked. So the numbers are the kubelets' alone.
 */
async function realUsage(
  client: Client,
  { api, clusterName, windowMs }: Given,
  snapshot: ClusterSnapshot,
): Promise<{ usage: UsageSource; untilMs: number }> {
  const nodes = snapshot.nodes.map(({ name }) => name)
  const told = new Map<string, KubeletTold>()
  const knownMs = ASKED_WINDOWS * windowMs
  const endMs = Date.now() + knownMs + ARRIVED_MS
  await askKubelets(client, nodes, told)
  let answeredMs = Date.now()
  while (Date.now() < endMs) {
    await sleep(ASKED_EACH_MS)
    try {
      await askKubelets(client, nodes, told)
      answeredMs = Date.now()
    } catch (error) {
      if (!(error instanceof LabError) || Date.now() - answeredMs > UNANSWERED_MS) throw error
    }
  }
  const untilMs = Date.now() - ARRIVED_MS
  const asked = await collectionTimes(api, { clusterName, untilMs, lengthMs: knownMs })
  return { usage: kubeletUsage(told, asked, { untilMs, lengthMs: windowMs }), untilMs }
}

/** Calls are read when the first query asks for them, and once. */
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
