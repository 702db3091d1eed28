import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { connect, type KubeClient } from '../kube/api-client.ts'
import { callAll } from '../kube/bulk-requests.ts'
import { programOptions } from '../kwok/component-processes.ts'
import { createClusterArgs } from '../kwok/kwok-cluster.ts'
import { kwokctlEnv } from '../kwok/kwokctl.ts'
import { labNodeNames } from '../kwok/nodes.ts'
import {
  createPodCalls,
  deletePodCalls,
  ensureNamespaces,
  podManifest,
  readPodTemplate,
  waitUntilRunning,
} from '../kwok/pods.ts'
import type { Lab } from '../lab/lab.ts'
import { controlPlanePrograms, ensurePrograms } from '../programs/programs.ts'
import { versions } from '../programs/versions.ts'
import { run } from '../system/run.ts'
import type { BenchRow } from './bench-row.ts'

const NAMESPACE = 'bench'
/** For thousands of pods on a slow machine. */
const SCALE_TIMEOUT_MS = 60 * 60_000

/** Pods per second from the first request until all run, on a lab's cluster without pods. */
export interface PodRates {
  podCount: number
  /** Through the scheduler. */
  scheduled: number
  /** Bound to the nodes in turn (`--bind`). */
  bound: number
}

/** The rates of the lab, whose cluster must have nodes and no pods. */
export async function labPodRates(lab: Lab, podCount: number): Promise<PodRates> {
  using client = await connect({ kubeconfig: lab.adminKubeconfig, context: lab.context })
  await ensureNamespaces(client, [NAMESPACE])
  const nodes = await labNodeNames(lab)
  const template = readPodTemplate()
  const rateOf = async (nodeName?: (index: number) => string | undefined) => {
    const manifests = Array.from({ length: podCount }, (_, index) => {
      const manifest = podManifest(template, index, nodeName?.(index))
      return { ...manifest, metadata: { ...manifest.metadata, namespace: NAMESPACE } }
    })
    const rate = await podRate(client, podCount, () => callAll(client, createPodCalls(manifests)))
    await callAll(client, deletePodCalls(manifests.map(({ metadata }) => `${NAMESPACE}/${metadata.name}`)))
    return rate
  }
  return { podCount, scheduled: await rateOf(), bound: await rateOf(index => nodes[index % nodes.length]) }
}

/**
 * The rates of a lab against that of `kwokctl scale pod` on a cluster of `kwokctl create cluster` with as many nodes, made here and removed. It
 * has the lab's programs, listens on 127.0.0.1, and else has kwokctl's defaults. The lab must be down.
 */
export async function podBench(lab: Lab, { podCount, scheduled, bound }: PodRates): Promise<BenchRow[]> {
  const baseline = { name: 'kwokctl scale pod on its own cluster', value: await kwokctlRate(lab, podCount) }
  const name = (how: string) => `${podCount} pods until they run, ${how}`
  return [
    { name: name('through the scheduler'), value: scheduled, unit: 'pods/s', baseline, goal: 'ratio ≥ 1.5' },
    { name: name('with --bind'), value: bound, unit: 'pods/s', baseline, goal: 'ratio ≥ 2' },
  ]
}

async function kwokctlRate(lab: Lab, podCount: number): Promise<number> {
  const programs = await ensurePrograms([...controlPlanePrograms, 'kwokctl'])
  const name = `${lab.settings.clusterName}-stock`
  const config = join(lab.kwokWorkdir, 'stock.yaml')
  const options = { ...programOptions(programs), kubeVersion: `v${versions.kubernetes}`, bindAddress: '127.0.0.1' }
  const document = { apiVersion: 'config.kwok.x-k8s.io/v1alpha1', kind: 'KwokctlConfiguration', options }
  mkdirSync(lab.kwokWorkdir, { recursive: true })
  writeFileSync(config, stringify(document))
  const env = { ...kwokctlEnv(lab, process.env), KUBECACHEDIR: join(lab.kwokWorkdir, 'kubectl-cache') }
  const kwokctl = async (...args: string[]) => {
    await run(programs.kwokctl.path, ['--name', name, ...args], { env, timeoutMs: SCALE_TIMEOUT_MS })
  }
  const remove = () => kwokctl('delete', 'cluster', '--kubeconfig', join(lab.kwokWorkdir, 'no-kubeconfig'))
  const measure = async () => {
    await kwokctl(...createClusterArgs(name, config, 'binary'))
    await kwokctl('scale', 'node', '--replicas', String(lab.settings.nodeCount))
    await kwokctl('kubectl', 'wait', '--for=condition=Ready', 'node', '--all', '--timeout=60s')
    const kubeconfig = join(lab.kwokWorkdir, 'clusters', name, 'kubeconfig.yaml')
    using client = await connect({ kubeconfig, context: `kwok-${name}` })
    await ensureNamespaces(client, [NAMESPACE])
    const scale = ['scale', 'pod', 'bench', '--namespace', NAMESPACE, '--replicas', String(podCount)]
    return await podRate(client, podCount, () => kwokctl(...scale))
  }
  const rate = await measure().catch(async (error: unknown) => {
    // The first error is the cause.
    await remove().catch(() => undefined)
    throw error
  })
  await remove()
  return rate
}

/** Pods per second until all pods of the cluster run. */
async function podRate(client: KubeClient, count: number, create: () => Promise<void>): Promise<number> {
  const startedMs = performance.now()
  await create()
  await waitUntilRunning(client, { labelSelector: '', count })
  return count / ((performance.now() - startedMs) / 1000)
}
