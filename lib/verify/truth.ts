import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { hasJaeger, jaegerUrl } from '../jaeger.ts'
import { connect, type KubeClient } from '../kube/client.ts'
import type { Lab } from '../lab.ts'
import { prometheusUrl } from '../prometheus.ts'
import type { PresetName } from '../stats/presets.ts'
import { betweenUsages } from './between.ts'
import { readCalls } from './calls.ts'
import { type ClusterSnapshot, readCluster } from './cluster.ts'
import type { TruthSources } from './expect.ts'
import { kubeletUsage, readKubelets } from './kubelets.ts'
import { modelUsage } from './model.ts'
import type { UsageSource } from './usage.ts'
import type { TruthReader } from './verify.ts'

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
export async function labTruth(lab: Lab, windowMs: number): Promise<(TruthReader & { close(): void }) | undefined> {
  if (!labPrometheus(lab).isLab || (lab.kind === 'kwok' && !existsSync(lab.adminKubeconfig))) return undefined
  const client = await connect({ kubeconfig: lab.adminKubeconfig || undefined, context: lab.context })
  const { clusterName, usagePreset } = lab.settings
  const given = { clusterName, preset: usagePreset, windowMs, ...(hasJaeger(lab) ? { jaegerUrl: jaegerUrl(lab) } : {}) }
  return { ...clusterTruth(client, given), close: () => client.close() }
}

/**
 * A cluster as a source of truth: counts and requests from its API, usage from the usage model where all nodes are simulated, else from every
 * node's kubelet. Reading kubelets takes as long as the rate window, for they only tell what they have counted in all.
 */
export function clusterTruth(
  client: Pick<KubeClient, 'request'>,
  given: { clusterName: string; preset: PresetName; windowMs: number; jaegerUrl?: string },
): TruthReader {
  const { clusterName, preset, windowMs } = given
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
      const usage = await realUsage(client, snapshot, windowMs)
      return { snapshot: await readCluster(client, clusterName), usage }
    },
  }
}

/** A kubelet's cAdvisor measures anew after 10 s, and up to half as long again (`--housekeeping-interval`, with jitter). */
const KUBELET_STEP_MS = 15_000

/** How many times the kubelets are asked over a window, and how much of it before its beginning the first time. */
const ASKED = { times: 13, earlierBy: 1 / 2 }

/**
 * What real pods used over a rate window. When the samples at its two ends were taken is not known: the collector asks once in a
 * quarter of the window, and a kubelet measures anew only each ten to fifteen seconds. So the kubelets are asked many times, and the truth
 * lies between what any two say of which one may be the beginning and the other the end.
 */
async function realUsage(
  client: Pick<KubeClient, 'request'>,
  snapshot: ClusterSnapshot,
  windowMs: number,
): Promise<UsageSource> {
  const readings = [await readKubelets(client, snapshot)]
  while (readings.length < ASKED.times) {
    await sleep((windowMs * (1 + ASKED.earlierBy)) / (ASKED.times - 1))
    readings.push(await readKubelets(client, snapshot))
  }
  // What Prometheus takes for the beginning may be half a window old by then: the kubelet's own delay, the collector's quarter, and
  // the way here. For the end it is three eighths.
  const [begins, ends] = [readings.slice(0, 6), readings.slice(-4)]
  const usages = begins.flatMap(begin => ends.map(end => kubeletUsage(begin, end)))
  // Prometheus's window may have one measurement more or less of the kubelet's than any of ours.
  return betweenUsages(usages, Math.min(0.5, KUBELET_STEP_MS / windowMs))
}

/** Calls are read when the first query asks for them, and once. */
function callsOf({ traced }: ClusterSnapshot, jaegerUrl: string | undefined): Pick<TruthSources, 'readCalls'> {
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
