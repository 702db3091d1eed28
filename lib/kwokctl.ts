import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse, parseAllDocuments, stringify } from 'yaml'
import { ensurePrograms, programPath } from './binaries.ts'
import { freeComponentPorts, type PortOption } from './component-ports.ts'
import { type Component, components } from './components.ts'
import { componentContainers, ensureNetwork, imageOptionsOf, insidePki, removeCluster } from './containers/cluster.ts'
import { componentContainer, containerName } from './containers/docker.ts'
import { containerLog, logCommand } from './containers/services.ts'
import { LabError } from './errors.ts'
import { fields, text } from './kube/json.ts'
import { type Lab, projectDir, writeFileAtomically } from './lab.ts'
import { type ProcessInfo, processInfos } from './processes.ts'
import { run } from './run.ts'
import { type Runtime, runtimeOf } from './runtime.ts'
import { makeCommand } from './settings.ts'
import { type ComponentPatch, type TracingTarget, tracingPatches, writeTracingConfig } from './tracing.ts'
import { versions } from './versions.ts'

export { type Component, components } from './components.ts'

/** The option of kwokctl's configuration that holds each component's port. */
const portOptions: Record<Component, PortOption> = {
  etcd: 'etcdPort',
  'kube-apiserver': 'kubeApiserverPort',
  'kube-controller-manager': 'kubeControllerManagerPort',
  'kube-scheduler': 'kubeSchedulerPort',
  'kwok-controller': 'kwokControllerPort',
}

/**
 * A KwokctlConfiguration: the base document with the programs, the version they are, and the ports they listen on.
 *
 * kwokctl gives the API server a certificate to show to metrics-server, but doesn't say in the cluster how to know it; without
 * that metrics-server would take the API server's own name for the caller's.
 *
 * kwokctl gives controller manager and scheduler no certificate, so each signs one for itself that nobody can check; they get
 * the cluster's, which names localhost.
 */
export function kwokctlConfig(
  base: string,
  clusterDir: string,
  given: {
    programs: Record<Component | 'kubectl', string>
    ports: Readonly<Partial<Record<PortOption, number>>>
    tracing: TracingTarget | undefined
  },
): string {
  const { programs, ports, tracing } = given
  return configText(base, {
    pki: join(clusterDir, 'pki'),
    tracing,
    options: {
      ...ports,
      etcdBinary: programs.etcd,
      kubeApiserverBinary: programs['kube-apiserver'],
      kubeControllerManagerBinary: programs['kube-controller-manager'],
      kubeSchedulerBinary: programs['kube-scheduler'],
      kwokControllerBinary: programs['kwok-controller'],
      kubectlBinary: programs.kubectl,
    },
  })
}

/** What a KwokctlConfiguration is filled in with, besides the version. */
export interface KwokctlInput {
  /** The folder of the cluster's certificates, as the components see it. */
  pki: string
  options: Readonly<Record<string, string | number>>
  tracing: TracingTarget | undefined
  /** What only one runtime needs. */
  patches?: readonly ComponentPatch[]
}

/** The base document with the lab's options, and with the flags that the components need beside kwokctl's own. */
export function configText(base: string, { pki, options, tracing, patches = [] }: KwokctlInput): string {
  const config = parse(base) as { options: Record<string, unknown> }
  const certificate = [
    { key: 'tls-cert-file', value: join(pki, 'admin.crt') },
    { key: 'tls-private-key-file', value: join(pki, 'admin.key') },
  ]
  const requestHeaders = [
    { key: 'requestheader-client-ca-file', value: join(pki, 'ca.crt') },
    { key: 'requestheader-allowed-names', value: 'kwok-admin' },
    { key: 'requestheader-username-headers', value: 'X-Remote-User' },
    { key: 'requestheader-group-headers', value: 'X-Remote-Group' },
    { key: 'requestheader-extra-headers-prefix', value: 'X-Remote-Extra-' },
  ]
  const document = {
    ...config,
    componentsPatches: [
      { name: 'kube-apiserver', extraArgs: requestHeaders },
      ...['kube-controller-manager', 'kube-scheduler'].map(name => ({ name, extraArgs: certificate })),
      ...(tracing === undefined ? [] : tracingPatches(tracing)),
      ...patches,
    ],
    options: { ...config.options, kubeVersion: `v${versions.kubernetes}`, ...options },
  }
  return stringify(document, { aliasDuplicateObjects: false })
}

/** kwokctl's arguments for making the cluster; the user's kubeconfig is another step's. */
export function createClusterArgs(name: string, configPath: string, runtime: Runtime): string[] {
  return [
    'create',
    'cluster',
    '--name',
    name,
    '--config',
    configPath,
    '--runtime',
    runtime,
    '--kubeconfig',
    '',
    '--wait',
    '2m',
  ]
}

/**
 * The environment for kwokctl: without the user's own `KWOK_*` variables, which kwokctl would put above the lab's
 * configuration, and with the work folder that the lab was created with.
 */
export function kwokctlEnv(env: NodeJS.ProcessEnv, kwokWorkdir: string): NodeJS.ProcessEnv {
  // KWOKCTL_BINARY is the lab's own, but kwokctl would take it for one of its settings too.
  const kept = Object.entries(env).filter(([name]) => !name.startsWith('KWOK'))
  return { ...Object.fromEntries(kept), KWOK_WORKDIR: kwokWorkdir }
}

/** What of the user's own KWOK settings is there: variables the lab strips, and a file that kwokctl reads all the same. */
export function kwokWarnings(lab: Lab, env: NodeJS.ProcessEnv): string[] {
  const known = new Set(['KWOK_WORKDIR', 'KWOK_BINARY', 'KWOK_IMAGE'])
  const stripped = Object.keys(env).filter(name => name.startsWith('KWOK_') && !known.has(name))
  const file = join(lab.kwokWorkdir, 'kwok.yaml')
  return [
    ...(stripped.length === 0 ? [] : [`Warning: not obeyed by the lab: ${stripped.sort().join(', ')}`]),
    ...(existsSync(file)
      ? [`Warning: kwokctl also reads ${file}; where it and the lab differ the lab's settings win`]
      : []),
  ]
}

/** Makes the cluster and waits until its API answers. kwokctl's leftovers of an earlier try must be gone. */
export async function createCluster(lab: Lab): Promise<void> {
  const runtime = runtimeOf(lab)
  const configPath = join(lab.configDir, 'kwok.yaml')
  writeFileAtomically(configPath, await (runtime === 'docker' ? containersConfig(lab) : processesConfig(lab)))
  mkdirSync(lab.clusterDir, { recursive: true, mode: 0o700 })
  writeFileSync(markerPath(lab), `${lab.dir}\n`, { mode: 0o600 })
  if (runtime === 'docker') await ensureNetwork(lab)
  await kwokctl(lab, createClusterArgs(lab.settings.clusterName, configPath, runtime))
  // kwokctl lets the group read them; the last one is for containers alone.
  for (const key of ['pki/ca.key', 'pki/admin.key', 'kubeconfig.yaml', 'kubeconfig']) {
    if (existsSync(join(lab.clusterDir, key))) chmodSync(join(lab.clusterDir, key), 0o600)
  }
}

async function processesConfig(lab: Lab): Promise<string> {
  const programs = await ensurePrograms([
    'etcd',
    'kube-apiserver',
    'kube-controller-manager',
    'kube-scheduler',
    'kwok',
    'kubectl',
  ])
  const paths = {
    etcd: programs.etcd.path,
    'kube-apiserver': programs['kube-apiserver'].path,
    'kube-controller-manager': programs['kube-controller-manager'].path,
    'kube-scheduler': programs['kube-scheduler'].path,
    'kwok-controller': programs.kwok.path,
    kubectl: programs.kubectl.path,
  }
  return kwokctlConfig(readBase(), lab.clusterDir, {
    programs: paths,
    ports: await freeComponentPorts(lab.clusterDir),
    tracing: lab.settings.tracing ? writeTracingConfig(lab) : undefined,
  })
}

async function containersConfig(lab: Lab): Promise<string> {
  const tracing = lab.settings.tracing ? writeTracingConfig(lab) : undefined
  // These two are published: the lab asks kwok-controller for its metrics.
  const { kubeApiserverPort, kwokControllerPort } = await freeComponentPorts(lab.clusterDir)
  return configText(readBase(), {
    pki: insidePki,
    options: {
      ...{ ...imageOptionsOf(lab), kubectlBinary: await programPath('kubectl') },
      ...{ kubeApiserverPort, kwokControllerPort },
    },
    tracing,
    patches: containerPatches(lab, tracing),
  })
}

/**
 * What the control plane needs beside its flags as containers. The nodes' host name is that of the stats proxy, where
 * metrics-server asks every node's kubelet; by kwokctl it is that of kwok-controller.
 */
export function containerPatches(
  lab: Lab,
  tracing: (TracingTarget & { configFile: string }) | undefined,
): ComponentPatch[] {
  const kubelets = containerName(lab.settings.clusterName, 'stats-proxy')
  return [
    { name: 'kwok-controller', extraArgs: [{ key: 'node-name', value: kubelets, override: true }] },
    ...(tracing === undefined
      ? []
      : [
          {
            name: 'kube-apiserver',
            extraArgs: [],
            extraVolumes: [
              {
                name: 'tracing',
                hostPath: tracing.configFile,
                mountPath: tracing.apiserverConfigPath,
                readOnly: true,
                pathType: 'File',
              },
            ],
          },
        ]),
  ]
}

function readBase(): string {
  return readFileSync(join(projectDir, 'kwok-config', 'kwok.yaml'), 'utf8')
}

/** Starts those components that do not run, and waits until the API answers. */
export async function startCluster(lab: Lab): Promise<void> {
  await forgetForeignPids(lab)
  await kwokctl(lab, ['start', 'cluster', '--name', lab.settings.clusterName, '--wait', '2m'])
}

/** Waits until the API server says that it is ready. Throws a LabError with its last word after a minute. */
export async function waitUntilServed(lab: Lab): Promise<void> {
  const program = await programPath('kubectl')
  const args = ['--kubeconfig', lab.adminKubeconfig, '--context', lab.context, 'get', '--raw', '/readyz']
  const until = Date.now() + 60_000
  for (;;) {
    const { exitCode, stderr } = await run(program, args, { nothrow: true, timeoutMs: 10_000 })
    if (exitCode === 0) return
    if (Date.now() > until) {
      throw new LabError(`The API server of "${lab.settings.clusterName}" is not ready after a minute`, {
        why: stderr.trim(),
        next: `read ${componentLog(lab, 'kube-apiserver')}`,
      })
    }
    await sleep(200)
  }
}

/** Ends the cluster's processes and removes its folder; a cluster that is not there is fine. */
export async function deleteCluster(lab: Lab): Promise<void> {
  if (!existsSync(lab.clusterDir)) return
  await forgetForeignPids(lab)
  if (runtimeOf(lab) === 'docker') {
    // kwokctl stumbles over a container that is gone already.
    await removeCluster(lab)
  } else if (existsSync(join(lab.clusterDir, 'kwok.yaml'))) {
    // kwokctl insists on a kubeconfig to take the context out of; the user's own is another step's.
    const scratch = join(lab.clusterDir, 'no-kubeconfig')
    await kwokctl(lab, ['delete', 'cluster', '--name', lab.settings.clusterName, '--kubeconfig', scratch])
  }
  rmSync(lab.clusterDir, { recursive: true, force: true })
}

/** The folder of the lab that made this cluster, or undefined when another hand did. */
export function clusterOwner(lab: Lab): string | undefined {
  const path = markerPath(lab)
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined
}

/** Whether kwokctl has finished making the cluster: its record and its kubeconfig are there. */
export function isClusterMade(lab: Lab): boolean {
  return existsSync(join(lab.clusterDir, 'kwok.yaml')) && existsSync(lab.adminKubeconfig)
}

/** Refuses a cluster that this clone of the project did not make. */
export function requireOwnCluster(lab: Lab): void {
  if (!existsSync(lab.clusterDir)) return
  const owner = clusterOwner(lab)
  if (owner === lab.dir) return
  const name = lab.settings.clusterName
  if (owner !== undefined) {
    throw new LabError(`KWOK cluster "${name}" belongs to another clone of the lab`, {
      why: `its state is in ${owner}`,
      next: 'set CLUSTER_NAME and the ports to others, or run make kwok-down there',
    })
  }
  throw new LabError(`KWOK cluster "${name}" was not made by the lab`, {
    why: `kwokctl made it by the ${clusterRuntime(lab)} runtime in ${lab.clusterDir}`,
    next: `set CLUSTER_NAME to another name, or run kwokctl delete cluster --name ${name}`,
  })
}

function clusterRuntime(lab: Lab): string {
  const path = join(lab.clusterDir, 'kwok.yaml')
  if (!existsSync(path)) return 'unknown'
  const config = fields(parseAllDocuments(readFileSync(path, 'utf8'))[0]?.toJS())
  return text(fields(config['options'])['runtime']) ?? 'unknown'
}

/** Refuses to go on without a cluster, and with one that this clone did not make. */
export function requireCluster(lab: Lab): void {
  requireOwnCluster(lab)
  if (isClusterMade(lab)) return
  throw new LabError(`There is no KWOK cluster "${lab.settings.clusterName}"`, {
    next: makeCommand('kwok', lab.settings.clusterName),
  })
}

/** The process of each component that runs and is this cluster's; of a container its first. */
export async function componentProcesses(lab: Lab): Promise<Map<string, ProcessInfo>> {
  if (runtimeOf(lab) === 'docker') return await componentContainers(lab)
  const pids = readPids(lab)
  const infos = await processInfos([...pids.values()])
  const running = new Map<string, ProcessInfo>()
  for (const [name, pid] of pids) {
    const info = infos.get(pid)
    if (info !== undefined && isOurs(lab, info)) running.set(name, info)
  }
  return running
}

/**
 * The host port of each component, from the record that kwokctl keeps; NaN for one that is not published.
 *
 * Throws a LabError when there is no such record.
 */
export function componentPorts(lab: Lab): Record<Component, number> {
  requireCluster(lab)
  const path = join(lab.clusterDir, 'kwok.yaml')
  const first = parseAllDocuments(readFileSync(path, 'utf8'))[0]?.toJS() as { options?: Record<string, unknown> }
  const ports = components.map(name => [name, Number(first.options?.[portOptions[name]])] as const)
  return Object.fromEntries(ports) as Record<Component, number>
}

/** The log of a component: a file, or the command that shows it. */
export function componentLog(lab: Lab, component: string): string {
  if (runtimeOf(lab) === 'docker') return logCommand(componentContainer(lab.settings.clusterName, component))
  return join(lab.clusterDir, 'logs', `${component}.log`)
}

/** What a component writes to its log from now on: the function gives all of it so far. */
export function followComponentLog(lab: Lab, component: Component): () => Promise<string> {
  if (runtimeOf(lab) === 'docker') {
    const since = new Date().toISOString()
    return async () => await containerLog(componentContainer(lab.settings.clusterName, component), { since })
  }
  const path = componentLog(lab, component)
  const offset = existsSync(path) ? statSync(path).size : 0
  return async () => (existsSync(path) ? readFileSync(path).subarray(offset).toString() : '')
}

/**
 * After a reboot a pid file names whoever got that number, and kwokctl would take it for its own: leave it running when
 * starting, kill it when deleting. Such pid files are removed before kwokctl reads them.
 */
async function forgetForeignPids(lab: Lab): Promise<void> {
  const ours = await componentProcesses(lab)
  for (const name of readPids(lab).keys()) {
    if (!ours.has(name)) rmSync(join(lab.clusterDir, 'pids', `${name}.pid`), { force: true })
  }
}

function readPids(lab: Lab): Map<string, number> {
  const dir = join(lab.clusterDir, 'pids')
  const pids = new Map<string, number>()
  for (const file of existsSync(dir) ? readdirSync(dir) : []) {
    const pid = Number(readFileSync(join(dir, file), 'utf8'))
    if (file.endsWith('.pid') && Number.isInteger(pid) && pid > 0) pids.set(file.slice(0, -'.pid'.length), pid)
  }
  return pids
}

/** Every component is started from the cluster's own folder, so its command line names that. */
function isOurs(lab: Lab, info: ProcessInfo): boolean {
  return info.command.includes(`${lab.clusterDir}/`)
}

function markerPath(lab: Lab): string {
  return join(lab.clusterDir, 'kube-otel-lab')
}

async function kwokctl(lab: Lab, args: readonly string[]): Promise<void> {
  // It starts kubectl, whose cache of the API is to go with the lab.
  const env = { ...kwokctlEnv(process.env, lab.kwokWorkdir), KUBECACHEDIR: join(lab.dir, 'kubectl-cache') }
  const { exitCode, stderr } = await run(await programPath('kwokctl'), args, { env, nothrow: true })
  if (exitCode === 0) return
  throw new LabError(`kwokctl could not ${args[0]} cluster "${lab.settings.clusterName}"`, {
    why: kwokctlError(stderr),
    next: `read the logs in ${join(lab.clusterDir, 'logs')}, then ${makeCommand('kwok-down', lab.settings.clusterName)} and try again`,
  })
}

/** What went wrong, out of kwokctl's log: off a terminal it writes a JSON object a line. */
export function kwokctlError(stderr: string): string {
  const errors = stderr.split('\n').flatMap(line => {
    try {
      const { level, msg, err } = JSON.parse(line) as { level?: string; msg?: string; err?: string }
      return level === 'ERROR' ? [err === undefined ? `${msg}` : `${msg}: ${err}`] : []
    } catch {
      return line.trim() === '' ? [] : [line.trim()]
    }
  })
  return errors.slice(-5).join('; ') || 'it said nothing'
}
