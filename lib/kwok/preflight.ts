import { LabError } from '../cli/errors.ts'
import { requireSources } from '../kube/source-files.ts'
import { requireOwnCluster } from '../lab/cluster-owner.ts'
import { requireOwnContext, requireWritableKubeconfig } from '../lab/kubectl-context.ts'
import type { Lab } from '../lab/lab.ts'
import { say } from '../lab/task.ts'
import { hasService, inRuntime, labServices, type Service } from '../services/service.ts'
import { services } from '../services/service-list.ts'
import { freeBytes, nearestExisting } from '../system/disk.ts'
import { type PortSetting, portSettings, requireFreePorts } from '../system/ports.ts'
import { controlPlaneOf } from './kwok-cluster.ts'
import { nodeManifest, readNodeTemplate } from './nodes.ts'
import { podCapacity, readPodTemplate, requireCapacity } from './pods.ts'
import { workloadRequests } from './workloads.ts'

/** More than etcd, Prometheus and logs of a default lab take in its first hours. */
const FREE_BYTES_NEEDED = 2 * 2 ** 30

/**
 * Throws a LabError or UsageError, before anything changes, for the first problem of a run: another clone's cluster of that name, a port in
 * use, an invalid template, more pods than the nodes can hold, no file of dashboards or rules, a kubeconfig that cannot be written, a full disk.
 */
export async function requireLabPossible(lab: Lab): Promise<void> {
  requireOwnCluster(lab)
  await controlPlaneOf(lab).requireOwn(lab)
  const podTemplate = readPodTemplate()
  const nodeTemplate = nodeManifest(readNodeTemplate(), 0, lab.settings.nodeCpu)
  const { podCount, nodeCount } = lab.settings
  requireCapacity(podCount, nodeCount, podCapacity(podTemplate, nodeTemplate, nodeCount, workloadRequests(lab)))
  for (const name of ['dashboardsDir', 'rulesDir'] as const) requireSources(lab.settings, name)
  requireWritableKubeconfig(process.env)
  requireOwnContext(lab, process.env)
  requireFreeDisk([lab.dir, lab.clusterDir])
  await requirePortsFor(lab)
}

/**
 * Throws a LabError for a port that another program uses: of all services of the lab, or of one.
 */
export async function requirePortsFor(lab: Lab, only?: Service): Promise<void> {
  const wanted = services.filter(each => (only === undefined ? hasService(lab, each) : each === only))
  const ports = wanted.flatMap(each => inRuntime(lab, each)?.ports ?? [])
  const names: PortSetting[] = []
  for (const name of portSettings) {
    if (ports.includes(name) && (await holderOf(lab, name)) === undefined) names.push(name)
  }
  await requireFreePorts(lab.settings, names)
}

/**
 * Starts a service of the lab unless it runs with the same spec, and returns whether it did. `title` is its name for the user.
 *
 * Throws as `requirePortsFor` and `LabServices.ensure`.
 */
export async function startService(lab: Lab, service: Service, title: string): Promise<boolean> {
  await requirePortsFor(lab, service)
  const isStarted = await labServices(lab).ensure(service)
  if (isStarted) say(`Started ${title}`)
  return isStarted
}

/** The running service of a lab whose port a setting is. */
async function holderOf(lab: Lab, port: PortSetting): Promise<string | undefined> {
  for (const service of services.filter(each => inRuntime(lab, each)?.ports?.includes(port))) {
    if ((await labServices(lab).state(service)).process !== undefined) return service.name
  }
  return undefined
}

function requireFreeDisk(dirs: readonly string[]): void {
  for (const dir of dirs) {
    const free = freeBytes(dir)
    if (free >= FREE_BYTES_NEEDED) continue
    throw new LabError(`The disk of ${nearestExisting(dir)} is full`, {
      why: `${Math.floor(free / 2 ** 20)} MiB are free, a lab needs ${FREE_BYTES_NEEDED / 2 ** 20}`,
      next: 'free some space, or set KWOK_WORKDIR to a folder on another disk',
    })
  }
}
