import { basename, delimiter, join, posix } from 'node:path'
import { LabError } from '../cli/errors.ts'
import { containerLog, containerMemory, inspectContainer, logCommand } from '../docker/containers.ts'
import { docker } from '../docker/engine.ts'
import { components, optionOf, programOf } from '../lab/components.ts'
import { componentContainer, dirLabel, labelled, labLabels, networkName } from '../lab/container-names.ts'
import type { Lab } from '../lab/lab.ts'
import { imageOf } from '../lab/lab-images.ts'
import { ensureSocketDir } from '../lab/socket-dir.ts'
import { programPath } from '../programs/programs.ts'
import { proxyVariables } from '../system/environment.ts'
import { type ProcessInfo, processInfos } from '../system/processes.ts'
import type { ControlPlane } from './control-plane.ts'
import type { ComponentPatch } from './control-plane-tracing.ts'
import { kwokctlEnv } from './kwokctl.ts'

/** Where kwokctl puts the cluster's keys in the containers of the control plane. */
const insidePki = '/etc/kubernetes/pki'

/** The control plane as containers, in the Docker runtime. */
export const dockerControlPlane: ControlPlane = {
  runtime: 'docker',
  runsHere: false,
  environment: (lab, env) => kwokctlDockerEnv(lab, kwokctlEnv(lab, env, { runsTools: true })),
  kwokctlInput: async (lab, { ports, configFiles }) => {
    // These two are published: the lab reads kwok-controller's metrics.
    const { kubeApiserverPort, kwokControllerPort } = ports
    const kubectlBinary = await programPath('kubectl')
    return {
      pki: insidePki,
      options: { ...imageOptionsOf(lab), kubectlBinary, kubeApiserverPort, kwokControllerPort },
      patches: [apiserverVolumes(lab, configFiles)],
    }
  },
  configPath: insideConfig,
  requireOwn: requireOwnNetwork,
  beforeCreate: ensureNetwork,
  beforeStart: async () => {},
  // kwokctl fails on a container that is gone already, and removes nothing without its folder.
  remove: removeCluster,
  processes: componentContainers,
  startMs: async (lab, component) => {
    const state = await inspectContainer(componentContainer(lab.settings.clusterName, component))
    return state?.isRunning === true ? Date.parse(state.startedAt) : undefined
  },
  log: (lab, component) => logCommand(componentContainer(lab.settings.clusterName, component)),
  logEnd: async (lab, component) => {
    const log = await containerLog(componentContainer(lab.settings.clusterName, component), { tail: 8 })
    return log.trimEnd().replace(/^/gm, '    ')
  },
  followLog: (lab, component) => {
    const since = new Date().toISOString()
    return async () => await containerLog(componentContainer(lab.settings.clusterName, component), { since })
  },
  memory: containerMemory,
}

/** kwokctl's options that name the images of the control plane. */
function imageOptionsOf(lab: Lab): Record<string, string> {
  return Object.fromEntries(components.map(name => [optionOf(name, 'Image'), imageOf(lab, programOf(name))]))
}

/** kube-apiserver's volumes: files of its configuration, and the folder of the gateway's socket. */
export function apiserverVolumes(lab: Lab, configFiles: readonly string[]): ComponentPatch {
  const { dir, insideDir } = ensureSocketDir(lab)
  const files = configFiles.map(file => ({
    name: basename(file, '.yaml'),
    hostPath: file,
    mountPath: insideConfig(file),
    readOnly: true,
    pathType: 'File',
  }))
  const sockets = { name: 'sockets', hostPath: dir, mountPath: insideDir, readOnly: true, pathType: 'Directory' }
  return { name: 'kube-apiserver', extraArgs: [], extraVolumes: [...files, sockets] }
}

function insideConfig(file: string): string {
  return posix.join('/etc/kubernetes', basename(file))
}

/** The arguments of docker that create a lab's network. Published ports bind to loopback; kwokctl's network binds to all addresses. */
export function createNetworkArgs(lab: Lab): string[] {
  return [
    'network',
    'create',
    '--driver=bridge',
    '--opt=com.docker.network.bridge.host_binding_ipv4=127.0.0.1',
    ...labLabels(lab).map(label => `--label=${label}`),
    networkName(lab.settings.clusterName),
  ]
}

/** Creates the lab's network before kwokctl does. Throws as `requireOwnNetwork`. */
async function ensureNetwork(lab: Lab): Promise<void> {
  if (!(await requireOwnNetwork(lab))) await docker(createNetworkArgs(lab))
}

/** Whether the lab's network exists. Throws a LabError when the lab did not create it. */
export async function requireOwnNetwork(lab: Lab): Promise<boolean> {
  const owner = await networkOwner(lab)
  if (owner === undefined || owner === lab.dir) return owner !== undefined
  const name = networkName(lab.settings.clusterName)
  throw new LabError(`Docker network ${name} was not created by this lab`, {
    why: owner === '' ? 'it has no label of a lab' : `it belongs to ${owner}`,
    next: `set CLUSTER_NAME to another name, or run docker network rm ${name}`,
  })
}

/** The folder in the network's label; empty without that label; undefined when the network does not exist. */
async function networkOwner(lab: Lab): Promise<string | undefined> {
  const name = networkName(lab.settings.clusterName)
  const filter = ['--filter', `name=^${name}$`, '--format', '{{json .}}']
  const { stdout } = await docker(['network', 'ls', ...filter])
  if (stdout.trim() === '') return undefined
  const { stdout: label } = await docker(['network', 'inspect', '--format', `{{index .Labels "${dirLabel}"}}`, name])
  return label.trim().replace('<no value>', '')
}

/** Removes the containers, volumes and network with the lab's labels, if they exist. */
export async function removeCluster(lab: Lab): Promise<void> {
  const containers = await labelled(lab, 'container')
  if (containers.length > 0) await docker(['container', 'rm', '--force', '--volumes', ...containers], { nothrow: true })
  for (const kind of ['volume', 'network'] as const) {
    const names = await labelled(lab, kind)
    if (names.length > 0) await docker([kind, 'rm', ...names])
  }
}

async function componentContainers(lab: Lab): Promise<Map<string, ProcessInfo>> {
  const running = new Map<string, ProcessInfo>()
  const states = await Promise.all(
    components.map(async name => {
      const container = componentContainer(lab.settings.clusterName, name)
      return { name, container, state: await inspectContainer(container) }
    }),
  )
  const pids = states.flatMap(({ state }) => (state?.isRunning === true ? [state.pid] : []))
  const infos = await processInfos(pids)
  for (const { name, container, state } of states) {
    if (state?.isRunning !== true) continue
    const residentBytes = infos.get(state.pid)?.residentBytes ?? 0
    running.set(name, { pid: state.pid, residentBytes, command: container })
  }
  return running
}

/** The environment in which kwokctl runs `for-kwokctl/docker` for docker; the reasons are in that file. */
export function kwokctlDockerEnv(lab: Lab, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const path = env['PATH'] ?? ''
  const [cluster, dir] = labLabels(lab)
  return {
    ...env,
    PATH: `${join(import.meta.dirname, 'for-kwokctl')}${delimiter}${path}`,
    LAB_PATH: path,
    LAB_CLUSTER_LABEL: cluster,
    LAB_DIR_LABEL: dir,
    LAB_PROXY_VARIABLES: proxyVariables.join(' '),
  }
}
