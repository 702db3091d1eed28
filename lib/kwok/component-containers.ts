import { LabError } from '../cli/errors.ts'
import {
  componentContainer,
  containerName,
  dirLabel,
  docker,
  labelled,
  labLabels,
  networkName,
} from '../docker/engine.ts'
import { type ImageName, imageOf } from '../docker/images.ts'
import { fields } from '../kube/json.ts'
import { type Component, components } from '../lab/components.ts'
import type { Lab } from '../lab/lab.ts'
import { inspectContainer } from '../services/container-services.ts'
import { type ProcessInfo, processInfos } from '../system/processes.ts'
import type { ComponentPatch, TracingTarget } from './control-plane-tracing.ts'

/** Where kwokctl puts the cluster's keys in the containers of the control plane. */
export const insidePki = '/etc/kubernetes/pki'

/** The option of kwokctl's configuration that holds each component's image. */
const imageOptions: Record<Component, { option: string; image: ImageName }> = {
  etcd: { option: 'etcdImage', image: 'etcd' },
  'kube-apiserver': { option: 'kubeApiserverImage', image: 'kube-apiserver' },
  'kube-controller-manager': { option: 'kubeControllerManagerImage', image: 'kube-controller-manager' },
  'kube-scheduler': { option: 'kubeSchedulerImage', image: 'kube-scheduler' },
  'kwok-controller': { option: 'kwokControllerImage', image: 'kwok' },
}

/** kwokctl's options that name the images of the control plane. */
export function imageOptionsOf(lab: Lab): Record<string, string> {
  return Object.fromEntries(components.map(name => [imageOptions[name].option, imageOf(lab, imageOptions[name].image)]))
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

/** The arguments that make a lab's network: what it publishes is bound to loopback, where kwokctl binds to all addresses. */
export function createNetworkArgs(lab: Lab): string[] {
  return [
    ...['network', 'create', '--driver=bridge', '--opt=com.docker.network.bridge.host_binding_ipv4=127.0.0.1'],
    ...labLabels(lab).map(label => `--label=${label}`),
    networkName(lab.settings.clusterName),
  ]
}

/** Makes the lab's network before kwokctl does. Throws as `requireOwnNetwork`. */
export async function ensureNetwork(lab: Lab): Promise<void> {
  if (!(await requireOwnNetwork(lab))) await docker(createNetworkArgs(lab))
}

/** Whether the lab's network is there. Throws a LabError when one of its name is, and another hand made it. */
export async function requireOwnNetwork(lab: Lab): Promise<boolean> {
  const owner = await networkOwner(lab)
  if (owner === undefined || owner === lab.dir) return owner !== undefined
  const name = networkName(lab.settings.clusterName)
  throw new LabError(`Docker network ${name} was not made by this lab`, {
    why: owner === '' ? 'it has no label of a lab' : `it belongs to ${owner}`,
    next: `set CLUSTER_NAME to another name, or run docker network rm ${name}`,
  })
}

/** The folder of the lab that made the network of this name; empty when nobody says so; undefined when there is none. */
async function networkOwner(lab: Lab): Promise<string | undefined> {
  const name = networkName(lab.settings.clusterName)
  const filter = ['--filter', `name=^${name}$`, '--format', '{{json .}}']
  const { stdout } = await docker(['network', 'ls', ...filter])
  if (stdout.trim() === '') return undefined
  const { stdout: label } = await docker(['network', 'inspect', '--format', `{{index .Labels "${dirLabel}"}}`, name])
  return label.trim().replace('<no value>', '')
}

/** Removes what carries the lab's labels, and nothing else: containers, volumes, network. What is not there is fine. */
export async function removeCluster(lab: Lab): Promise<void> {
  const containers = await labelled(lab, 'container')
  if (containers.length > 0) await docker(['container', 'rm', '--force', '--volumes', ...containers], { nothrow: true })
  for (const kind of ['volume', 'network'] as const) {
    const names = await labelled(lab, kind)
    if (names.length > 0) await docker([kind, 'rm', ...names])
  }
}

/** The process of each component that runs, as the engine's machine knows it. */
export async function componentContainers(lab: Lab): Promise<Map<string, ProcessInfo>> {
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

/** What the containers of a lab take, by container name, in bytes. One question of a second or two to the engine. */
export async function containerMemory(names: readonly string[]): Promise<Map<string, number>> {
  if (names.length === 0) return new Map()
  const { stdout } = await docker(['stats', '--no-stream', '--format', '{{json .}}', ...names], { nothrow: true })
  const found = new Map<string, number>()
  for (const line of stdout.split('\n')) {
    if (line.trim() === '') continue
    const { Name, MemUsage } = fields(JSON.parse(line))
    const bytes = memoryBytes(String(MemUsage).split('/')[0] ?? '')
    if (bytes !== undefined) found.set(String(Name), bytes)
  }
  return found
}

/** `123.4MiB` in bytes. */
export function memoryBytes(text: string): number | undefined {
  const [, count, unit = ''] = /^\s*([\d.]+)\s*([KMGT]i?)?B\s*$/i.exec(text) ?? []
  if (count === undefined) return undefined
  const power = ['', 'K', 'M', 'G', 'T'].indexOf(unit.slice(0, 1).toUpperCase())
  return Math.round(Number(count) * (unit.endsWith('i') ? 1024 : 1000) ** power)
}

/**
 * Whether something on the lab's network accepts connections: asked from within the stats proxy, for most of what listens there
 * is not published on this machine.
 */
export async function acceptsInside(lab: Lab, address: string): Promise<boolean> {
  const [host = '', port = ''] = address.split(':')
  const code =
    'const s = require("net").connect({ host: process.argv[1], port: Number(process.argv[2]) });' +
    's.setTimeout(2000, () => process.exit(1)); s.once("connect", () => process.exit(0)); s.once("error", () => process.exit(1))'
  const proxy = containerName(lab.settings.clusterName, 'stats-proxy')
  const { exitCode } = await docker(['container', 'exec', proxy, 'node', '-e', code, host, port], {
    nothrow: true,
    timeoutMs: 10_000,
  })
  return exitCode === 0
}
