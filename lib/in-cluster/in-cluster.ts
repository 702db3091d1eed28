import { join } from 'node:path'
import { stringify } from 'yaml'
import { LabError, UsageError } from '../cli/errors.ts'
import { intervalFor, type SettingName, setting } from '../cli/settings.ts'
import { inClusterNamespace, isSameCluster, labNamespace } from '../k3d/agreement.ts'
import { ensureRelease, mustUninstall, releaseStatus, uninstallRelease } from '../k3d/helm.ts'
import { releases } from '../k3d/helm-collectors.ts'
import { connect } from '../kube/api-client.ts'
import { fields, items, nameOf, text } from '../kube/json.ts'
import { simulatedLabel } from '../kubelet/shards/shard-owner.ts'
import { deleteNodes } from '../kwok/nodes.ts'
import { applyText, getCollection, kubectl } from '../lab/kubectl.ts'
import { forgetSetting, type Lab, labCommand, projectDir, readRecord, rememberSetting } from '../lab/lab.ts'
import { forgetImages, imageOf, referenceOf, rememberImages } from '../lab/lab-images.ts'
import { managedLabel } from '../lab/manifest.ts'
import { hasPrometheusMetrics } from '../lab/metrics-dialects.ts'
import { hazardsOf } from './hazards.ts'
import { labImage } from './lab-image.ts'
import { nodeTemplate, PART_OF, simulatedNodes } from './simulated-nodes.ts'

const CHART = join(projectDir, 'charts', 'kube-otel-lab')

/** The APIs that the chart uses and that not every cluster has. */
const APIS = ['admissionregistration.k8s.io/v1/validatingadmissionpolicies', 'apps/v1/statefulsets']

/** The settings of the lab inside a cluster, which a next run keeps. */
export const inClusterSettings = [
  'nodeCount',
  'podCount',
  'shards',
  'collectionInterval',
  'usagePreset',
  'otlpEndpoint',
  'clusterEvents',
  'metrics',
  'nodePrefix',
  'storageClass',
  'allow',
] as const satisfies SettingName[]

/** The images of the chart. */
export function inClusterImages(lab: Lab, env: NodeJS.ProcessEnv) {
  return {
    lab: referenceOf(lab, 'lab', labImage(env)),
    kwok: imageOf(lab, 'kwok'),
    otelcol: imageOf(lab, 'otelcol'),
    'kube-state-metrics': imageOf(lab, 'kube-state-metrics'),
  }
}

/** Records settings and chosen images for later runs. An interval that follows from the number of pods still does then. */
export function keepSettings(lab: Lab): void {
  const { collectionInterval, podCount } = lab.settings
  for (const name of keptSettings(lab)) {
    if (name === 'collectionInterval' && collectionInterval === intervalFor(podCount)) forgetSetting(lab, name)
    else rememberSetting(lab, name)
  }
  rememberImages(lab, inClusterImages(lab, process.env))
}

/** Removes what `keepSettings` has recorded. Returns whether there was anything. */
export function forgetSettings(lab: Lab): boolean {
  const record = readRecord(lab.dir)
  const images = Object.keys(inClusterImages(lab, process.env))
  const names = keptSettings(lab)
  for (const name of names) forgetSetting(lab, name)
  forgetImages(lab, images)
  return (
    names.some(name => record?.settings[name] !== undefined) ||
    images.some(name => record?.images?.[name] !== undefined)
  )
}

/** A k3d cluster of the lab's own has its fixed settings. */
function keptSettings(lab: Lab): SettingName[] {
  const isOwn = readRecord(lab.dir)?.k3dCluster !== undefined
  return inClusterSettings.filter(name => !isOwn || setting(name).fixed !== true)
}

/**
 * Forgets the settings of an earlier cluster of the same context: the user has allowed them there.
 *
 * Throws a LabError when there are some.
 */
export async function requireSameCluster(lab: Lab): Promise<void> {
  if ((await isSameCluster(lab)) || !forgetSettings(lab)) return
  throw new LabError(`The cluster of context "${lab.context}" is another one than before`, {
    why: 'the settings and images that this clone kept of the earlier one are forgotten now',
    next: 'run this again, with the settings of this one',
  })
}

/** The values of the chart for these settings. */
export function inClusterValues(lab: Lab, env: NodeJS.ProcessEnv): string {
  const { settings } = lab
  const { 'kube-state-metrics': kubeStateMetrics, ...images } = inClusterImages(lab, env)
  return stringify({
    clusterName: settings.clusterName,
    nodePrefix: settings.nodePrefix,
    shards: settings.shards,
    collectionIntervalMs: settings.collectionInterval,
    usagePreset: settings.usagePreset,
    pods: { count: settings.podCount },
    images: { ...images, kubeStateMetrics },
    events: settings.clusterEvents,
    prometheus: {
      enabled: hasPrometheusMetrics(lab),
      serviceAccounts: settings.otlpEndpoint === 'auto' ? [{ name: 'lgtm', namespace: labNamespace }] : [],
    },
    ...(settings.otlpEndpoint === 'auto' ? {} : { otlp: { endpoint: settings.otlpEndpoint } }),
    persistence: {
      enabled: settings.storageClass !== 'none',
      ...(['auto', 'none'].includes(settings.storageClass) ? {} : { storageClassName: settings.storageClass }),
    },
  })
}

/**
 * Checks that the lab can run in a cluster and does not harm it: the APIs, the StorageClass, names of nodes, and what `hazardsOf` finds.
 *
 * Throws a UsageError that names all of them, and how to allow those that can be.
 */
export async function requireSafeCluster(lab: Lab): Promise<void> {
  const { nodePrefix, storageClass, allow, metrics } = lab.settings
  if (metrics === 'prometheus') {
    throw new UsageError('METRICS=prometheus is invalid inside a cluster', {
      why: 'the collectors always run there',
      next: 'set METRICS=both',
    })
  }
  for (const api of APIS) {
    const [, version = '', resource = ''] = /^(.+)\/([^/]+)$/.exec(api) ?? []
    const { stdout } = await kubectl(lab, ['get', '--raw', `/apis/${version}`], { nothrow: true })
    if (stdout.includes(`"name":"${resource}"`)) continue
    throw new LabError(`The cluster of context "${lab.context}" has no ${resource} of ${version}`, {
      next: 'use a cluster of Kubernetes 1.30 or newer',
    })
  }
  await requireStorageClass(lab, storageClass)
  const nodes = await getCollection(lab, '/api/v1/nodes')
  const real = nodes.filter(node => text(fields(fields(node['metadata'])['labels'])[simulatedLabel]) === undefined)
  const taken = real
    .map(node => String(fields(node['metadata'])['name']))
    .find(name => name.startsWith(`${nodePrefix}-`))
  if (taken !== undefined) {
    throw new UsageError(`NODE_PREFIX=${nodePrefix} is in use`, {
      why: `${taken} is a node of this cluster`,
      next: 'set NODE_PREFIX to another word',
    })
  }
  for (const release of releases) {
    if ((await releaseStatus(lab, release)).status === undefined) continue
    throw new UsageError(`The collectors of k3d-collectors measure the cluster of context "${lab.context}" already`, {
      why: 'their metrics would have the same cluster name',
      next: `make k3d-down KUBE_CONTEXT=${lab.context}`,
    })
  }
  const [daemonSets, deployments, statefulSets] = await Promise.all(
    ['daemonsets', 'deployments', 'statefulsets'].map(kind => getCollection(lab, `/apis/apps/v1/${kind}`)),
  )
  const isOthers = (workload: Record<string, unknown>) =>
    fields(workload['metadata'])['namespace'] !== inClusterNamespace
  const allowed = new Set(allow.split(','))
  const workloads = [...(deployments ?? []), ...(statefulSets ?? [])].filter(isOthers)
  const found = hazardsOf(nodeTemplate(nodePrefix), { daemonSets: daemonSets ?? [], workloads, nodes: real })
  const hazards = found.filter(({ name }) => !allowed.has(name))
  if (hazards.length === 0) return
  const names = [...new Set(found.map(({ name }) => name))]
  throw new UsageError(`Simulated nodes would change the cluster of context "${lab.context}"`, {
    why: hazards.map(({ name, why }) => `${name}: ${why}`).join('\n    '),
    next: `read docs/in-cluster.md, or accept it: ALLOW=${names.join(',')}`,
  })
}

async function requireStorageClass(lab: Lab, chosen: string): Promise<void> {
  const selector = 'labelSelector=app.kubernetes.io/instance%3Dstats-proxy'
  const [running] = await getCollection(lab, `/apis/apps/v1/namespaces/${inClusterNamespace}/statefulsets?${selector}`)
  const [claim] = items(fields(running?.['spec'])['volumeClaimTemplates'])
  const current = claim === undefined ? 'none' : (text(fields(fields(claim)['spec'])['storageClassName']) ?? 'auto')
  if (running !== undefined && current !== chosen) {
    throw new UsageError(`STORAGE_CLASS=${chosen} differs from what the lab was installed with`, {
      why: `its volumes have STORAGE_CLASS=${current}`,
      next: `${labCommand(lab, 'in-cluster-down')}, then run this again; or leave the setting out`,
    })
  }
  if (chosen === 'none') return
  const classes = await getCollection(lab, '/apis/storage.k8s.io/v1/storageclasses')
  const isDefault = ({ metadata }: Record<string, unknown>) =>
    fields(fields(metadata)['annotations'])['storageclass.kubernetes.io/is-default-class'] === 'true'
  if (classes.some(each => (chosen === 'auto' ? isDefault(each) : nameOf(each) === chosen))) return
  const names = classes.map(nameOf).join(', ') || 'none'
  throw new UsageError(`STORAGE_CLASS=${chosen} is invalid`, {
    why: chosen === 'auto' ? `the cluster has no default StorageClass; it has ${names}` : `the cluster has ${names}`,
    next: 'set STORAGE_CLASS to one of them, or to none: a counter may then fall when a pod moves to another node',
  })
}

/** Installs or upgrades the chart, with its namespace. Returns whether it changed anything. */
export async function applyChart(lab: Lab, say: (text: string) => void): Promise<boolean> {
  // An uninstallation waits for simulated pods, which nothing ends when KWOK is gone.
  if (await mustUninstall(lab, inClusterNamespace, inClusterNamespace)) await removeInCluster(lab, say)
  const metadata = {
    name: inClusterNamespace,
    labels: { ...managedLabel, 'pod-security.kubernetes.io/enforce': 'restricted' },
  }
  await applyText(lab, stringify({ apiVersion: 'v1', kind: 'Namespace', metadata }))
  const values = inClusterValues(lab, process.env)
  return await ensureRelease(lab, inClusterNamespace, values, { chart: CHART, namespace: inClusterNamespace })
}

/**
 * Deletes the simulated pods and nodes and everything that the chart created, also when an installation failed half-way. Waits until it is
 * gone. Returns whether there was anything.
 */
export async function removeInCluster(lab: Lab, say: (text: string) => void): Promise<boolean> {
  const namespacesOf = (label: string) =>
    getCollection(lab, `/api/v1/namespaces?labelSelector=${encodeURIComponent(label)}`)
  const namespaces = (await namespacesOf(`${simulatedLabel}=true`)).map(nameOf)
  const all = [...namespaces, inClusterNamespace]
  const kinds = 'deployments,statefulsets,daemonsets,replicasets,jobs,cronjobs'
  using client = await connect({ context: lab.context })
  for (const namespace of namespaces) {
    await kubectl(lab, ['delete', kinds, '--all', '-n', namespace, '--wait=false'])
  }
  const nodes = await simulatedNodes(lab)
  if (nodes.length > 0) say(`Deleting ${nodes.length} simulated nodes of context "${lab.context}"`)
  await deleteNodes(client, nodes)
  if (nodes.length > 0) {
    await kubectl(lab, ['delete', 'leases', '-n', 'kube-node-lease', '--ignore-not-found', ...nodes])
  }
  await uninstallRelease(lab, inClusterNamespace, inClusterNamespace)
  const wide = 'clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings'
  await kubectl(lab, ['delete', wide, '-l', PART_OF])
  await kubectl(lab, ['delete', 'roles,rolebindings', '-n', 'kube-node-lease', '-l', PART_OF])
  const found = await namespacesOf(PART_OF)
  const { stdout } = await kubectl(
    lab,
    ['delete', 'namespaces', ...all, '--ignore-not-found', '--wait', '--timeout', '3m'],
    {
      timeoutMs: 200_000,
    },
  )
  return nodes.length > 0 || found.length > 0 || stdout !== ''
}

/** What `make in-cluster` asks to allow. */
export function inClusterQuestion({ settings }: Lab): string {
  const what = `${settings.nodeCount} simulated nodes, their pods in namespaces of their own, KWOK, stats proxies and collectors in namespace ${inClusterNamespace}, with ClusterRoles and ValidatingAdmissionPolicies`
  return `this creates ${what}${settings.otlpEndpoint === 'auto' ? `, and LGTM in namespace ${labNamespace}` : ''}`
}
