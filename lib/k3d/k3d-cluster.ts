import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { parse, stringify } from 'yaml'
import { LabError, UsageError } from '../cli/errors.ts'
import { makeCommand, type Settings, settingText } from '../cli/settings.ts'
import { atPrefix, imagePrefix } from '../docker/images.ts'
import { fields, items, text } from '../kube/json.ts'
import { requireWritableKubeconfig } from '../lab/kubectl-context.ts'
import { type Lab, projectDir, readRecord, removeLabDir, writeFileAtomically, writeRecord } from '../lab/lab.ts'
import { programPath } from '../programs/programs.ts'
import { versions } from '../programs/versions.ts'
import { type RunOptions, type RunResult, run } from '../system/run.ts'
import { mappedPorts, requireMappedPorts } from './k3d-ports.ts'

/** Where the nodes of the lab's k3d cluster have the folder of the dashboards. */
export const dashboardsOnNode = '/var/lib/kube-otel-lab/dashboards'

/** What was chosen when the cluster was made, and stays until it goes. */
const fixed = [...mappedPorts.map(([name]) => name), 'collectionInterval'] as const

/**
 * k3d's configuration: the base with name, ports and folder filled in. A mapping of a port that the lab doesn't know stays. With a
 * prefix, the nodes' image comes from there, and so does what the nodes themselves pull from docker.io.
 */
export function k3dConfig(
  base: string,
  given: { name: string; settings: Settings; dashboardsDir: string; imagePrefix?: string },
): string {
  const config = parse(base) as Record<string, unknown>
  const ports = items(config['ports']).map(item => {
    const mapping = fields(item)
    const [setting] = mappedPorts.find(([, nodePort]) => String(mapping['port']).endsWith(`:${nodePort}`)) ?? []
    if (setting === undefined) return mapping
    return { ...mapping, port: String(mapping['port']).replace(/:\d+:/, `:${given.settings[setting]}:`) }
  })
  const volumes = items(config['volumes']).map(item => {
    const volume = fields(item)
    const isOurs = String(volume['volume']).includes(`:${dashboardsOnNode}`)
    return isOurs ? { ...volume, volume: `${given.dashboardsDir}:${dashboardsOnNode}:ro` } : volume
  })
  const metadata = { ...fields(config['metadata']), name: given.name }
  return stringify({ ...config, ...fromMirror(config, given.imagePrefix ?? ''), metadata, ports, volumes })
}

/** What of k3d's configuration names images. A configuration of registries that is there stays. */
function fromMirror(config: Record<string, unknown>, prefix: string): Record<string, unknown> {
  if (prefix === '') return {}
  const [host, ...path] = prefix.split('/')
  // https://docs.k3s.io/installation/private-registry
  const mirror = {
    endpoint: [`https://${host}`],
    ...(path.length > 0 && { rewrite: { '^(.*)$': `${path.join('/')}/$1` } }),
  }
  const registries = config['registries'] ?? { config: stringify({ mirrors: { 'docker.io': mirror } }) }
  return { image: atPrefix(text(config['image']) ?? '', prefix), registries }
}

/** The variables by which k3d is told its own two images, which go with its version; none without a prefix. */
export function k3dImageEnv(prefix: string): Record<string, string> {
  if (prefix === '') return {}
  const image = (name: string) => atPrefix(`ghcr.io/k3d-io/${name}:${versions.k3d}`, prefix)
  return { K3D_IMAGE_LOADBALANCER: image('k3d-proxy'), K3D_IMAGE_TOOLS: image('k3d-tools') }
}

/** k3d's arguments for making a cluster. */
export function createArgs(configPath: string): string[] {
  return ['cluster', 'create', '--config', configPath]
}

/** k3d's arguments for taking a cluster away, its containers, network, volumes and context. */
export function deleteArgs(name: string): string[] {
  return ['cluster', 'delete', name]
}

/** The name under which the lab's own k3d cluster is kept; undefined for a context of somebody else's. */
export function ownCluster(lab: Lab): string | undefined {
  return readRecord(lab.dir)?.k3dCluster
}

/**
 * Makes the lab's k3d cluster and waits until all its nodes are there; false when it is there already. What an interrupted run
 * has left is taken away first.
 *
 * Throws a LabError before anything changes: no Docker engine, a cluster of that name by another hand, a port in use, a kubeconfig
 * that can't be written, other ports than the cluster was made with.
 */
export async function ensureCluster(lab: Lab, onStep: (text: string) => void): Promise<boolean> {
  const { clusterName: name } = lab.settings
  const record = readRecord(lab.dir)
  const there = await clusterNames(lab)
  if (record?.k3dCluster === undefined && there.includes(name)) {
    throw new LabError(`k3d cluster "${name}" was not made by the lab`, {
      next: `set CLUSTER_NAME to another name, or use that one: make k3d-lgtm k3d-collectors KUBE_CONTEXT=${lab.context}`,
    })
  }
  if (record?.created === true && there.includes(name)) {
    requireSameChoices(lab)
    await startIfStopped(lab)
    return false
  }
  requireWritableKubeconfig(process.env)
  await requireMappedPorts(lab)
  if (there.includes(name)) {
    onStep(`Taking away what is left of k3d cluster "${name}"`)
    await k3d(lab, deleteArgs(name))
  }
  onStep(`Creating k3d cluster "${name}"`)
  const begun = {
    settings: Object.fromEntries(fixed.map(each => [each, settingText(each, lab.settings)])),
    ...{ kwokWorkdir: lab.kwokWorkdir, k3dCluster: name },
  }
  // Before the cluster, so that `k3d-down` knows of one that was never finished.
  writeRecord(lab, { ...begun, created: false })
  const dashboardsDir = join(projectDir, 'dashboards', 'out', 'json-tempo')
  // Docker would make it, and as root.
  mkdirSync(dashboardsDir, { recursive: true })
  const configPath = join(lab.configDir, 'k3d.yaml')
  const base = readFileSync(join(projectDir, 'k3d-config', 'k3d.yaml'), 'utf8')
  const prefix = imagePrefix(process.env)
  const given = { name, settings: lab.settings, dashboardsDir, imagePrefix: prefix }
  writeFileAtomically(configPath, k3dConfig(base, given))
  await k3d(lab, createArgs(configPath), { env: { ...k3dImageEnv(prefix), ...process.env } })
  writeRecord(lab, { ...begun, created: true })
  return true
}

/** Takes the lab's k3d cluster and all state of it away. */
export async function deleteCluster(lab: Lab): Promise<void> {
  const name = ownCluster(lab)
  if (name !== undefined && (await clusterNames(lab)).includes(name)) await k3d(lab, deleteArgs(name))
  removeLabDir(lab)
}

/** Names of the k3d clusters of the Docker engine. Throws a LabError when none answers. */
async function clusterNames(lab: Lab): Promise<string[]> {
  return (await listClusters(lab)).map(each => text(fields(each)['name']) ?? '')
}

async function listClusters(lab: Lab): Promise<unknown[]> {
  const { exitCode, stdout, stderr } = await k3d(lab, ['cluster', 'list', '--output', 'json'], { nothrow: true })
  if (exitCode === 0) return items(JSON.parse(stdout))
  throw new LabError('Cannot ask the Docker engine for its k3d clusters', {
    why: lastWords(stderr),
    next: 'start Docker (or set DOCKER_HOST); without Docker: make kwok, or make k3d-lgtm k3d-collectors KUBE_CONTEXT=<a context of yours>',
  })
}

/**
 * After a reboot the containers are there, and some or all are stopped: servers, agents, or the load balancer that has the ports.
 * `k3d cluster start` starts those alone.
 */
async function startIfStopped(lab: Lab): Promise<void> {
  const { clusterName: name } = lab.settings
  const cluster = fields((await listClusters(lab)).find(each => fields(each)['name'] === name))
  const states = items(cluster['nodes']).map(node => fields(fields(node)['State']))
  if (states.some(state => state['Running'] === false)) await k3d(lab, ['cluster', 'start', name])
}

/** Grafana's port is not fixed for a KWOK lab, so that nobody has compared it yet. */
function requireSameChoices(lab: Lab): void {
  const was = readRecord(lab.dir)?.settings.grafanaPort
  const now = settingText('grafanaPort', lab.settings)
  if (was === undefined || was === now) return
  throw new UsageError(`GRAFANA_PORT=${now} differs from what the cluster was created with`, {
    why: `it is ${was} until it is taken down`,
    next: `${makeCommand('k3d-down', lab.settings.clusterName)}, then run this again`,
  })
}

async function k3d(lab: Lab, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const result = await run(await programPath('k3d'), args, { timeoutMs: 600_000, ...options, nothrow: true })
  if (result.exitCode === 0 || options.nothrow === true) return result
  throw new LabError(`k3d could not ${args[1]} cluster "${lab.settings.clusterName}"`, {
    why: lastWords(result.stderr),
    next: `${makeCommand('k3d-down', lab.settings.clusterName)}, then try again`,
  })
}

/** The errors in k3d's log, or its last lines. */
function lastWords(stderr: string): string {
  const lines = stripVTControlCharacters(stderr)
    .split('\n')
    .filter(line => line.trim() !== '')
  const errors = lines.filter(line => /\b(ERRO|FATA|error|fatal)\b|level=(error|fatal)/.test(line))
  return (errors.length > 0 ? errors : lines).slice(-5).join('; ') || 'it said nothing'
}
