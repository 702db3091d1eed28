import { existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { LabError } from '../cli/errors.ts'
import { requireDashboardsDir } from '../grafana/dashboard-files.ts'
import { requireOwnContext, requireWritableKubeconfig } from '../lab/kubectl-context.ts'
import type { Lab } from '../lab/lab.ts'
import { type Runtime, runtimeOf } from '../lab/runtime.ts'
import { wantsJaeger } from '../services/jaeger.ts'
import { labServices } from '../services/lab-services.ts'
import type { ServiceName } from '../services/process-services.ts'
import { portSettings, requireFreePorts } from '../system/ports.ts'
import { requireOwnNetwork } from './component-containers.ts'
import { requireOwnCluster } from './kwok-cluster.ts'
import { nodeManifest, readNodeTemplate } from './nodes.ts'
import { podCapacity, readPodTemplate, requireCapacity } from './pods.ts'
import { workloadRequests } from './workloads.ts'

/** What the default lab writes in its first hours, with room to spare: etcd, Prometheus, logs. */
const FREE_BYTES_NEEDED = 2 * 2 ** 30

/** Which services may listen on each port of this machine. */
const portOwners: Readonly<Record<Runtime, Partial<Record<(typeof portSettings)[number], readonly ServiceName[]>>>> = {
  binary: {
    prometheusPort: ['prometheus'],
    otlpGrpcPort: ['collector'],
    otlpHttpPort: ['collector'],
    statsProxyPort: ['stats-proxy'],
    jaegerPort: ['jaeger'],
    jaegerOtlpPort: ['jaeger'],
    metricsServerPort: ['metrics-server'],
    grafanaPort: ['page', 'grafana'],
  },
  docker: {
    grafanaPort: ['lgtm'],
    prometheusPort: ['lgtm'],
    otlpGrpcPort: ['lgtm'],
    otlpHttpPort: ['lgtm'],
    statsProxyPort: ['stats-proxy'],
    jaegerPort: ['jaeger'],
  },
}

/**
 * Refuses, before anything changes, a run that could not end well: another's cluster of that name, a taken port, a template
 * that is not one, more pods than there is room for, a folder of dashboards that is not there, a kubeconfig that can't be written, a full disk.
 *
 * Throws a LabError or UsageError for the first of these.
 */
export async function requireLabPossible(lab: Lab): Promise<void> {
  requireOwnCluster(lab)
  if (runtimeOf(lab) === 'docker') await requireOwnNetwork(lab)
  const podTemplate = readPodTemplate()
  const nodeTemplate = nodeManifest(readNodeTemplate(), 0, lab.settings.nodeCpu)
  const { podCount, nodeCount } = lab.settings
  requireCapacity(podCount, nodeCount, podCapacity(podTemplate, nodeTemplate, nodeCount, workloadRequests()))
  requireDashboardsDir(lab.settings)
  requireWritableKubeconfig(process.env)
  requireOwnContext(lab, process.env)
  await requireFreeDisk([lab.dir, lab.clusterDir])
  await requirePortsFor(lab)
}

/**
 * Refuses ports that somebody else holds: those of all services of make kwok, or of one. Those that the lab's own services hold are in
 * order.
 */
export async function requirePortsFor(lab: Lab, only?: ServiceName): Promise<void> {
  const services = labServices(lab)
  const owners = portOwners[runtimeOf(lab)]
  const ownersOf = (port: (typeof portSettings)[number]) => owners[port] ?? []
  const isWanted = (port: (typeof portSettings)[number]) => {
    if (only !== undefined) return ownersOf(port).includes(only)
    if (port === 'jaegerPort' || port === 'jaegerOtlpPort') return wantsJaeger(lab) && ownersOf(port).length > 0
    return ownersOf(port).length > 0 && (port !== 'grafanaPort' || hasDashboards(lab))
  }
  const names: (typeof portSettings)[number][] = []
  for (const port of portSettings.filter(isWanted)) {
    const states = await Promise.all(ownersOf(port).map(owner => services.state(owner)))
    if (states.every(state => state.process === undefined)) names.push(port)
  }
  await requireFreePorts(lab.settings, names)
}

/** The service of a lab that holds a port of this machine now; undefined when none does. */
export async function serviceOn(lab: Lab, port: number): Promise<ServiceName | undefined> {
  const services = labServices(lab)
  const names = portSettings.filter(name => lab.settings[name] === port)
  for (const owner of names.flatMap(name => portOwners[runtimeOf(lab)][name] ?? [])) {
    if ((await services.state(owner)).process !== undefined) return owner
  }
  return undefined
}

/** Whether the lab shows its dashboards: LGTM always does. */
function hasDashboards(lab: Lab): boolean {
  return lab.settings.grafana !== 'none' || runtimeOf(lab) === 'docker'
}

async function requireFreeDisk(dirs: readonly string[]): Promise<void> {
  for (const dir of dirs) {
    let nearest = dir
    while (!existsSync(nearest)) nearest = dirname(nearest)
    const { bavail, bsize } = await statfs(nearest)
    if (bavail * bsize >= FREE_BYTES_NEEDED) continue
    throw new LabError(`The disk of ${nearest} is full`, {
      why: `${Math.floor((bavail * bsize) / 2 ** 20)} MiB are free, a lab needs ${FREE_BYTES_NEEDED / 2 ** 20}`,
      next: 'free some space, or set KWOK_WORKDIR to a folder on another disk',
    })
  }
}
