import { connect } from '../kube/api-client.ts'
import { callAll } from '../kube/bulk-requests.ts'
import { kwokctlEnv } from '../kwok/kwokctl.ts'
import { labNodeNames } from '../kwok/nodes.ts'
import { createPodCalls, deletePodCalls, ensureNamespaces, podManifest, readPodTemplate } from '../kwok/pods.ts'
import type { Lab } from '../lab/lab.ts'
import type { Manifest } from '../lab/manifest.ts'
import { programPath } from '../programs/programs.ts'
import { run } from '../system/run.ts'
import type { BenchRow } from './bench-row.ts'

const NAMESPACE = 'bench'
const KWOKCTL_NAMESPACE = 'bench-kwokctl'
/** For thousands of pods on a slow machine. */
const SCALE_TIMEOUT_MS = 60 * 60_000

/**
 * Pods created per second by the lab and by `kwokctl scale pod`, one after the other on the same cluster: from the start until the
 * last pod is created, with an empty namespace before and after. kwokctl's time includes its start (0.1 s).
 */
export async function podBench(lab: Lab, podCount: number): Promise<BenchRow[]> {
  const client = await connect({ kubeconfig: lab.adminKubeconfig, context: lab.context })
  try {
    await ensureNamespaces(client, [NAMESPACE, KWOKCTL_NAMESPACE])
    const nodes = await labNodeNames(lab)
    const rate = async (create: () => Promise<void>) => {
      const startedMs = performance.now()
      await create()
      return podCount / ((performance.now() - startedMs) / 1000)
    }
    const template = readPodTemplate()
    const manifests = (nodeName?: (index: number) => string | undefined) =>
      Array.from({ length: podCount }, (_, index) => inBenchNamespace(podManifest(template, index, nodeName?.(index))))
    const keys = manifests().map(manifest => `${NAMESPACE}/${manifest.metadata.name}`)

    const scheduled = await rate(() => callAll(client, createPodCalls(manifests())))
    await callAll(client, deletePodCalls(keys))
    const bound = await rate(() => callAll(client, createPodCalls(manifests(index => nodes[index % nodes.length]))))
    await callAll(client, deletePodCalls(keys))
    const kwokctl = await rate(() => scaleByKwokctl(lab, podCount))
    await scaleByKwokctl(lab, 0)

    const baseline = { name: 'kwokctl scale pod', value: kwokctl }
    return [
      { name: `${podCount} pods through the scheduler`, value: scheduled, unit: 'pods/s', baseline, goal: 'ratio ≥ 2' },
      { name: `${podCount} pods with --bind`, value: bound, unit: 'pods/s', baseline, goal: 'ratio ≥ 3' },
    ]
  } finally {
    client.close()
  }
}

function inBenchNamespace(manifest: Manifest): Manifest {
  return { ...manifest, metadata: { ...manifest.metadata, namespace: NAMESPACE } }
}

async function scaleByKwokctl(lab: Lab, replicas: number): Promise<void> {
  const { clusterName } = lab.settings
  const pods = ['scale', 'pod', 'bench', '--namespace', KWOKCTL_NAMESPACE, '--replicas', String(replicas)]
  await run(await programPath('kwokctl'), ['--name', clusterName, ...pods], {
    env: kwokctlEnv(lab, process.env),
    timeoutMs: SCALE_TIMEOUT_MS,
  })
}
