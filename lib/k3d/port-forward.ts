import { type ChildProcess, spawn } from 'node:child_process'
import { LabError } from '../cli/errors.ts'
import { clusterArgs } from '../lab/kubectl.ts'
import { ensureLabDirs, type Lab } from '../lab/lab.ts'
import { programPath } from '../programs/programs.ts'
import { labNamespace } from './agreement.ts'
import { ownCluster } from './k3d-cluster.ts'
import { mappedPorts } from './k3d-ports.ts'

/** How long kubectl may take until it listens. */
const LISTEN_MS = 30_000

/** kubectl's arguments that open LGTM's ports on 127.0.0.1: local port and the Service's; 0 takes one that is free. */
export function forwardArgs(ports: readonly (readonly [local: number, remote: number])[]): string[] {
  const pairs = ports.map(([local, remote]) => `${local === 0 ? '' : local}:${remote}`)
  return ['port-forward', '--namespace', labNamespace, '--address', '127.0.0.1', 'service/lgtm', ...pairs]
}

/** LGTM's own port behind each of the settings. */
export const servicePorts = { grafanaPort: 3000, prometheusPort: 9090, otlpGrpcPort: 4317, otlpHttpPort: 4318 } as const

/** Ports of LGTM that are open on this machine for a time. */
export interface Forward {
  /** The local ports, in the order they were asked for. */
  ports: readonly number[]
  /** Ends when kubectl does, with what it said last. */
  ended: Promise<string>
  close: () => void
}

/**
 * Opens ports of LGTM on 127.0.0.1 until it is closed.
 *
 * Throws a LabError with kubectl's own words when that fails.
 */
export async function openForward(
  lab: Lab,
  ports: readonly (readonly [local: number, remote: number])[],
): Promise<Forward> {
  ensureLabDirs(lab)
  const program = await programPath('kubectl')
  const child: ChildProcess = spawn(program, [...clusterArgs(lab), ...forwardArgs(ports)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const close = () => void child.kill('SIGTERM')
  process.once('exit', close)
  const local: number[] = []
  let said = ''
  const ended = new Promise<string>(resolve => {
    child.once('error', error => resolve(error.message))
    child.once('close', () => resolve(said.trim()))
  })
  const listening = new Promise<void>(resolve => {
    child.stdout?.on('data', (chunk: Buffer) => {
      for (const [, port] of chunk.toString().matchAll(/^Forwarding from 127\.0\.0\.1:(\d+)/gm))
        local.push(Number(port))
      if (local.length >= ports.length) resolve()
    })
    child.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-2_000)
    })
  })
  const timeout = AbortSignal.timeout(LISTEN_MS)
  const late = new Promise<string>(resolve => timeout.addEventListener('abort', () => resolve('it did not listen')))
  const failure = await Promise.race([listening, ended, late])
  if (failure === undefined) return { ports: local, ended, close }
  close()
  throw new LabError(`Cannot open the ports of LGTM in context "${lab.context}"`, {
    why: failure,
    next: 'see whether LGTM runs: make k3d-status with the same KUBE_CONTEXT',
  })
}

/**
 * The lab with a Prometheus that can be asked from here: of the lab's own k3d cluster the mapped port, of any other context a port
 * that is open until `close`.
 */
export async function reachPrometheus(lab: Lab): Promise<{ lab: Lab; close: () => void; ended?: Promise<string> }> {
  if (lab.kind === 'kwok' || ownCluster(lab) !== undefined) return { lab, close: () => {} }
  const { ports, close, ended } = await openForward(lab, [[0, servicePorts.prometheusPort]])
  return { lab: { ...lab, settings: { ...lab.settings, prometheusPort: ports[0] ?? 0 } }, close, ended }
}

/** Every port of LGTM by the settings, for a person. */
export function settingPorts(lab: Lab): [number, number][] {
  return mappedPorts.map(([name]) => [lab.settings[name], servicePorts[name]])
}
