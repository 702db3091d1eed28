import { type ChildProcess, spawn } from 'node:child_process'
import { LabError } from '../cli/errors.ts'
import { clusterArgs } from '../lab/kubectl.ts'
import { ensureLabDirs, type Lab } from '../lab/lab.ts'
import { programPath } from '../programs/programs.ts'
import { createPrometheusApi } from '../prometheus/prometheus-client.ts'
import { labNamespace } from './agreement.ts'
import { ownCluster, portNames } from './k3d-cluster.ts'

/** The time limit until kubectl listens. */
const LISTEN_MS = 30_000

/** The arguments of kubectl that forward local ports of 127.0.0.1 to LGTM's. Local port 0 selects a free one. */
export function forwardArgs(ports: readonly (readonly [local: number, remote: number])[]): string[] {
  const pairs = ports.map(([local, remote]) => `${local === 0 ? '' : local}:${remote}`)
  return ['port-forward', '--namespace', labNamespace, '--address', '127.0.0.1', 'service/lgtm', ...pairs]
}

/** LGTM's port for each setting. */
const servicePorts = { grafanaPort: 3000, prometheusPort: 9090, otlpGrpcPort: 4317, otlpHttpPort: 4318 } as const

/**
 * Forwards ports of 127.0.0.1 to LGTM until `close`. Gives the local ports, in the order of the request; `ended` resolves when kubectl ends,
 * with the end of its stderr.
 *
 * Throws a LabError with kubectl's message.
 */
export async function openForward(lab: Lab, ports: readonly (readonly [local: number, remote: number])[]) {
  ensureLabDirs(lab)
  const program = await programPath('kubectl')
  const child: ChildProcess = spawn(program, [...clusterArgs(lab), ...forwardArgs(ports)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const close = () => void child.kill('SIGTERM')
  process.once('exit', close)
  const local: number[] = []
  let stderr = ''
  const ended = new Promise<string>(resolve => {
    child.once('error', error => resolve(error.message))
    child.once('close', () => resolve(stderr.trim()))
  })
  const listening = new Promise<void>(resolve => {
    child.stdout?.on('data', (chunk: Buffer) => {
      for (const [, port] of chunk.toString().matchAll(/^Forwarding from 127\.0\.0\.1:(\d+)/gm))
        local.push(Number(port))
      if (local.length >= ports.length) resolve()
    })
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-2_000)
    })
  })
  const timeout = AbortSignal.timeout(LISTEN_MS)
  const late = new Promise<string>(resolve =>
    timeout.addEventListener('abort', () => resolve('kubectl did not listen')),
  )
  const failure = await Promise.race([listening, ended, late])
  if (failure === undefined) return { ports: local, ended, close }
  close()
  throw new LabError(`Cannot open the ports of LGTM in context "${lab.context}"`, {
    why: failure,
    next: 'check that LGTM runs: make k3d-status with the same KUBE_CONTEXT',
  })
}

/**
 * The lab with a Prometheus that is reachable from this machine: at the mapped port of the lab's k3d cluster, else at a port that is
 * forwarded until `close`. Its collection interval is then that of this Prometheus: the cluster may have been set up elsewhere. `ended` is as
 * of `openForward`.
 */
export async function reachPrometheus(
  lab: Lab,
): Promise<Disposable & { lab: Lab; close: () => void; ended?: Promise<string> }> {
  if (lab.kind === 'kwok' || ownCluster(lab) !== undefined) return { lab, close: () => {}, [Symbol.dispose]: () => {} }
  const { ports, close, ended } = await openForward(lab, [[0, servicePorts.prometheusPort]])
  const prometheusPort = ports[0] ?? 0
  // Who asks for more says why it does not answer.
  const foundMs = await createPrometheusApi(`http://127.0.0.1:${prometheusPort}`)
    .scrapeIntervalMs()
    .catch(() => undefined)
  const collectionInterval = foundMs ?? lab.settings.collectionInterval
  const reached = { ...lab, settings: { ...lab.settings, prometheusPort, collectionInterval } }
  return { lab: reached, close, ended, [Symbol.dispose]: close }
}

/** The local port of each setting with LGTM's port. */
export function settingPorts(lab: Lab): [number, number][] {
  return portNames.map(name => [lab.settings[name], servicePorts[name]])
}
