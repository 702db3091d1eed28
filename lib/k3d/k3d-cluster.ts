import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import * as v from 'valibot'
import { stringify } from 'yaml'
import { LabError, UsageError } from '../cli/errors.ts'
import { makeCommand, type SettingName, type Settings, settingText } from '../cli/settings.ts'
import { atPrefix, imagePrefix } from '../docker/images.ts'
import { fields, items, text } from '../kube/json.ts'
import { requireWritableKubeconfig } from '../lab/kubectl-context.ts'
import { type Lab, projectDir, readRecord, removeLabDir, writeFileAtomically, writeRecord } from '../lab/lab.ts'
import { programPath } from '../programs/programs.ts'
import { versions } from '../programs/versions.ts'
import { requireFreePorts } from '../system/ports.ts'
import { type RunOptions, type RunResult, run } from '../system/run.ts'
import { readYamlDocuments } from '../system/yaml-files.ts'

/** The folder of the dashboards on the nodes of the lab's k3d cluster. */
export const dashboardsOnNode = '/var/lib/kube-otel-lab/dashboards'

/** The settings of ports on this machine, each with its node port of Service lgtm-host. */
export const mappedPorts = [
  ['grafanaPort', 30300],
  ['prometheusPort', 30909],
  ['otlpGrpcPort', 30317],
  ['otlpHttpPort', 30318],
] as const satisfies readonly [SettingName, number][]

/** Those settings. */
export const portNames = mappedPorts.map(([name]) => name)

/** The settings that are fixed when the cluster is created. */
const fixed = [...portNames, 'collectionInterval'] as const

/** The output of `k3d cluster list --output json`, with the fields that the lab reads. */
const clustersSchema = v.array(
  v.object({
    name: v.string(),
    nodes: v.optional(v.array(v.object({ State: v.optional(v.object({ Running: v.optional(v.boolean()) })) })), []),
  }),
)

/**
 * The configuration of k3d: `base` with name, ports and the folder of the dashboards. It keeps other port mappings. With `imagePrefix` the
 * nodes' image, and the images that the nodes pull from docker.io, come from that mirror.
 */
export function k3dConfig(
  base: unknown,
  given: { name: string; settings: Settings; dashboardsDir: string; imagePrefix?: string },
): string {
  const config = fields(base)
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

/** The image and registries for a mirror. It keeps registries that the configuration already has. */
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

/** The environment variables for k3d's own two images at a mirror; none without a prefix. */
export function k3dImageEnv(prefix: string): Record<string, string> {
  if (prefix === '') return {}
  const image = (name: string) => atPrefix(`ghcr.io/k3d-io/${name}:${versions.k3d}`, prefix)
  return { K3D_IMAGE_LOADBALANCER: image('k3d-proxy'), K3D_IMAGE_TOOLS: image('k3d-tools') }
}

/** The name of the k3d cluster that the lab created; undefined for any other cluster. */
export function ownCluster(lab: Lab): string | undefined {
  return readRecord(lab.dir)?.k3dCluster
}

/**
 * Creates the lab's k3d cluster and waits for its nodes, or starts a stopped one; false when it exists already. It first deletes what an
 * interrupted run has left.
 *
 * Throws a LabError before anything changes: no Docker engine, a cluster of that name that the lab did not create, a port in use, a
 * kubeconfig that cannot be written, or other ports than those of the existing cluster.
 */
export async function ensureCluster(lab: Lab, onStep: (text: string) => void): Promise<boolean> {
  const { clusterName: name } = lab.settings
  const record = readRecord(lab.dir)
  const existing = (await listClusters(lab)).find(cluster => cluster.name === name)
  if (record?.k3dCluster === undefined && existing !== undefined) {
    throw new LabError(`The lab did not create k3d cluster "${name}"`, {
      next: `set CLUSTER_NAME to another name, or use that cluster: make k3d-lgtm k3d-collectors KUBE_CONTEXT=${lab.context}`,
    })
  }
  if (record?.created === true && existing !== undefined) {
    requireSameGrafanaPort(lab)
    // After a reboot servers, agents or the load balancer can be stopped. `k3d cluster start` starts only those.
    const isStopped = existing.nodes.some(node => node.State?.Running === false)
    if (isStopped) await k3d(lab, ['cluster', 'start', name])
    return false
  }
  requireWritableKubeconfig(process.env)
  await requireFreePorts(lab.settings, portNames)
  if (existing !== undefined) {
    onStep(`Deleting the incomplete k3d cluster "${name}"`)
    await k3d(lab, ['cluster', 'delete', name])
  }
  onStep(`Creating k3d cluster "${name}"`)
  const settings = Object.fromEntries(fixed.map(each => [each, settingText(each, lab.settings)]))
  const begun = { settings, kwokWorkdir: lab.kwokWorkdir, k3dCluster: name }
  // Before the cluster, so that `k3d-down` finds an incomplete one.
  writeRecord(lab, { ...begun, created: false })
  const dashboardsDir = join(projectDir, 'dashboards', 'out', 'json-tempo')
  // Otherwise Docker creates it, owned by root.
  mkdirSync(dashboardsDir, { recursive: true })
  const configPath = join(lab.configDir, 'k3d.yaml')
  const [base] = readYamlDocuments(join(projectDir, 'k3d-config', 'k3d.yaml'))
  const prefix = imagePrefix(process.env)
  const given = { name, settings: lab.settings, dashboardsDir, imagePrefix: prefix }
  writeFileAtomically(configPath, k3dConfig(base, given))
  await k3d(lab, ['cluster', 'create', '--config', configPath], { env: { ...k3dImageEnv(prefix), ...process.env } })
  writeRecord(lab, { ...begun, created: true })
  return true
}

/** Deletes the lab's k3d cluster and its state. */
export async function deleteCluster(lab: Lab): Promise<void> {
  const name = ownCluster(lab)
  const clusters = name === undefined ? [] : await listClusters(lab)
  if (name !== undefined && clusters.some(cluster => cluster.name === name)) await k3d(lab, ['cluster', 'delete', name])
  removeLabDir(lab)
}

/** The k3d clusters of the Docker engine. Throws a LabError when no engine answers. */
async function listClusters(lab: Lab): Promise<v.InferOutput<typeof clustersSchema>> {
  const { exitCode, stdout, stderr } = await k3d(lab, ['cluster', 'list', '--output', 'json'], { nothrow: true })
  if (exitCode === 0) return v.parse(clustersSchema, JSON.parse(stdout))
  throw new LabError('Cannot list the k3d clusters of the Docker engine', {
    why: lastErrors(stderr),
    next: 'start Docker (or set DOCKER_HOST); without Docker: make kwok, or make k3d-lgtm k3d-collectors KUBE_CONTEXT=<your context>',
  })
}

/** Grafana's port is not among the fixed settings of openLab(), because it is not fixed for a KWOK lab. */
function requireSameGrafanaPort(lab: Lab): void {
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
    why: lastErrors(result.stderr),
    next: `${makeCommand('k3d-down', lab.settings.clusterName)}, then try again`,
  })
}

/** The last errors in k3d's log, else its last lines. */
function lastErrors(stderr: string): string {
  const lines = stripVTControlCharacters(stderr)
    .split('\n')
    .filter(line => line.trim() !== '')
  const errors = lines.filter(line => /\b(ERRO|FATA|error|fatal)\b|level=(error|fatal)/.test(line))
  return (errors.length > 0 ? errors : lines).slice(-5).join('; ') || 'it printed nothing'
}
