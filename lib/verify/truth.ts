import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type KubeClient } from '../kube/client.ts'
import type { Lab } from '../lab.ts'
import { prometheusUrl } from '../prometheus.ts'
import type { PresetName } from '../stats/presets.ts'
import { type ClusterSnapshot, readCluster } from './cluster.ts'
import { kubeletUsage, readKubelets } from './kubelets.ts'
import { modelUsage } from './usage.ts'
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
  return { ...clusterTruth(client, { clusterName, preset: usagePreset, windowMs }), close: () => client.close() }
}

/**
 * A cluster as a source of truth: counts and requests from its API, usage from the usage model where all nodes are simulated, else from every
 * node's kubelet. Reading kubelets takes as long as the rate window, for they only tell what they have counted in all.
 */
export function clusterTruth(
  client: Pick<KubeClient, 'request'>,
  { clusterName, preset, windowMs }: { clusterName: string; preset: PresetName; windowMs: number },
): TruthReader {
  return {
    name: 'the API and the usage of the pods',
    async read() {
      const snapshot = await readCluster(client, clusterName)
      if (isSimulated(snapshot)) return { snapshot, usage: modelUsage(snapshot, preset) }
      const before = await readKubelets(client, snapshot)
      await sleep(windowMs)
      return {
        snapshot: await readCluster(client, clusterName),
        usage: kubeletUsage(before, await readKubelets(client, snapshot)),
      }
    },
  }
}

function isSimulated({ nodes }: ClusterSnapshot): boolean {
  return nodes.every(node => node.isSimulated)
}
