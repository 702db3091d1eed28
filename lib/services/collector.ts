import { createHash } from 'node:crypto'
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { docker } from '../docker/engine.ts'
import { addressesOf, insidePorts } from '../lab/addresses.ts'
import { containerName, labLabels } from '../lab/container-names.ts'
import { containerKubeconfigPath, kubeconfigPath } from '../lab/kubeconfig.ts'
import { type Lab, projectDir, writeFileAtomically } from '../lab/lab.ts'
import { imageOf } from '../lab/lab-images.ts'
import { runtimeOf } from '../lab/runtime.ts'
import { programPath } from '../programs/programs.ts'
import { serviceEnvironment } from '../system/environment.ts'
import { acceptsConnections } from '../system/ports.ts'
import { run } from '../system/run.ts'
import { collectorConfig } from './collector-config.ts'
import { HOST_ROOT, hostMounts, labMountPoint } from './collector-host.ts'
import { acceptsInside } from './container-services.ts'
import type { ContainerSpec } from './container-spec.ts'
import { containerDir, containerUser, giveToContainers, insideDir, writeForContainer } from './container-user.ts'
import { daemonCommand } from './daemon-bundle.ts'
import { wantsJaeger } from './jaeger.ts'
import type { ServiceSpec, Services } from './process-services.ts'

const CONFIG_FILE = 'otelcol.yaml'

/** How the collector is started. */
export async function collectorService(lab: Lab): Promise<ServiceSpec | ContainerSpec> {
  const shared = {
    name: 'collector',
    ready: () => isListening(lab),
    // It first reads every pod and node.
    readyTimeoutMs: 60_000,
  } as const
  if (runtimeOf(lab) === 'binary') {
    return {
      ...shared,
      command: await programPath('otelcol'),
      args: [`--config=${configPath(lab)}`],
      env: collectorEnv(lab),
    }
  }
  return {
    ...shared,
    image: 'otelcol',
    args: [`--config=${insideDir}/${CONFIG_FILE}`],
    env: { KUBECONFIG: `${insideDir}/kubeconfig.yaml` },
    mounts: [{ from: containerDir(lab, 'collector'), to: insideDir }, ...hostMounts(lab)],
  }
}

/** How the watcher is started that keeps one receiver for each node in the collector's configuration. */
export async function collectorWatchService(lab: Lab, services: Services): Promise<ServiceSpec> {
  return {
    name: 'collector-watch',
    ...(await daemonCommand('collector-watch', join('lib', 'services', 'collector-watch.ts'), {
      args: ['--cluster-name', lab.settings.clusterName],
    })),
    runsTools: true,
    ready: () => collectorWatchReady(lab, services),
  }
}

/** Whether the watcher that runs has compared the collector's configuration with the nodes. */
export async function collectorWatchReady(lab: Lab, services: Services): Promise<boolean> {
  const path = watchReadyPath(lab)
  const pid = (await services.state('collector-watch')).process?.pid
  return pid !== undefined && existsSync(path) && readFileSync(path, 'utf8') === String(pid)
}

/**
 * Makes the collector's configuration name exactly these nodes. A new one is written beside the old, checked by the
 * collector itself, and only then renamed into place: a bad file ends a running collector at its reload. Returns the file's digest.
 *
 * Throws a LabError with the collector's words when it refuses the file; the old one stays.
 */
export async function writeCollectorConfig(lab: Lab, nodes: readonly string[]): Promise<string> {
  const rendered = await renderConfig(lab, nodes)
  const path = configPath(lab)
  const digest = digestOf(rendered)
  if (existsSync(path) && readFileSync(path, 'utf8') === rendered) return digest
  // Task and watcher may both be at it, so each checks a file of its own.
  const candidate = join(dirname(path), `otelcol.${process.pid}.yaml`)
  try {
    writeFileAtomically(candidate, rendered)
    await validate(lab, candidate)
    renameSync(candidate, path)
    return digest
  } finally {
    rmSync(candidate, { force: true })
  }
}

/** Makes the collector run with a receiver for exactly these nodes. Returns whether it had to be started. */
export async function ensureCollector(
  lab: Lab,
  services: Pick<Services<ServiceSpec | ContainerSpec>, 'ensure' | 'signal'>,
  nodes: readonly string[],
): Promise<boolean> {
  const written = await writeCollectorConfig(lab, nodes)
  const isStarted = await services.ensure(await collectorService(lab))
  // Not what is on disk by now: the watcher may have rewritten it after the collector read it.
  if (isStarted) writeFileAtomically(takenPath(lab), written)
  await reloadCollector(lab, services)
  return isStarted
}

async function renderConfig(lab: Lab, nodes: readonly string[]): Promise<string> {
  const { settings } = lab
  const { statsProxy, metricsUrl, jaegerOtlp } = addressesOf(lab)
  const shared = {
    clusterName: settings.clusterName,
    hostName: hostname(),
    intervalMs: settings.collectionInterval,
    nodes,
    statsProxyUrl: `http://${statsProxy}`,
    metricsUrl,
  }
  const base = readFileSync(join(projectDir, 'kwok-config', 'kwok-otel-collector.yaml'), 'utf8')
  const jaeger = wantsJaeger(lab) ? { jaeger: jaegerOtlp } : {}
  if (runtimeOf(lab) === 'binary') {
    return collectorConfig(base, {
      ...shared,
      otlpGrpcEndpoint: `127.0.0.1:${settings.otlpGrpcPort}`,
      otlpHttpEndpoint: `127.0.0.1:${settings.otlpHttpPort}`,
      tracesEndpoints: jaeger,
    })
  }
  const lgtm = containerName(settings.clusterName, 'lgtm')
  return collectorConfig(base, {
    ...shared,
    otlpGrpcEndpoint: `0.0.0.0:${insidePorts.otlpGrpc}`,
    otlpHttpEndpoint: `0.0.0.0:${insidePorts.otlpHttp}`,
    tracesEndpoints: { ...jaeger, lgtm: `${lgtm}:${insidePorts.otlpGrpc}` },
    host: { rootPath: HOST_ROOT, mountPoint: labMountPoint(lab) },
    ...((await readsEvents(lab)) ? { eventsUrl: `http://${lgtm}:${insidePorts.otlpHttp}/v1/logs` } : {}),
  })
}

/** Has the collector itself say what is wrong with a file; in a container, with the files that it will run with. */
async function validate(lab: Lab, file: string): Promise<void> {
  if (runtimeOf(lab) === 'binary') {
    const env = { ...serviceEnvironment(process.env), ...collectorEnv(lab) }
    await run(await programPath('otelcol'), ['validate', `--config=${file}`], { env, timeoutMs: 60_000 })
    return
  }
  giveToContainers(file)
  const kubeconfig = readFileSync(containerKubeconfigPath(lab, 'collector'), 'utf8')
  writeForContainer(lab, 'collector', 'kubeconfig.yaml', kubeconfig)
  const args = [
    ...['run', '--rm', '--pull=never', '--network=none', `--user=${await containerUser()}`, '--read-only'],
    ...labLabels(lab).map(label => `--label=${label}`),
    ...[`--env=KUBECONFIG=${insideDir}/kubeconfig.yaml`],
    `--mount=type=bind,source=${dirname(file)},target=${insideDir},readonly`,
    `--mount=type=tmpfs,target=${HOST_ROOT}`,
    ...[imageOf(lab, 'otelcol'), 'validate', `--config=${insideDir}/${basename(file)}`],
  ]
  await docker(args, { timeoutMs: 60_000 })
}

/** Whether the collector's image can read a cluster's events. The official one can, one that was built from the Go pins can't. */
async function readsEvents(lab: Lab): Promise<boolean> {
  const known = join(lab.configDir, 'otelcol.components')
  if (!existsSync(known)) {
    const run = ['run', '--rm', '--pull=never', '--network=none', '--read-only']
    const { stdout } = await docker([...run, imageOf(lab, 'otelcol'), 'components'], { timeoutMs: 60_000 })
    writeFileAtomically(known, stdout)
  }
  return /^\s*- name: k8s_events$/m.test(readFileSync(known, 'utf8'))
}

/** Whether the collector takes OTLP. */
async function isListening(lab: Lab): Promise<boolean> {
  if (runtimeOf(lab) === 'binary') return await acceptsConnections(lab.settings.otlpHttpPort)
  return await acceptsInside(lab, addressesOf(lab).collectorHttp)
}

/**
 * Tells a running collector to read its configuration again, if it has not taken the one on disk; its pipelines restart
 * within a second or two. Returns what was done: `reloaded`, `current` when it has that one, or `not running` (it may be
 * starting: a collector that gets the signal before it listens ends).
 */
export async function reloadCollector(
  lab: Lab,
  services: Pick<Services, 'signal'>,
): Promise<'reloaded' | 'current' | 'not running'> {
  const taken = existsSync(takenPath(lab)) ? readFileSync(takenPath(lab), 'utf8') : ''
  const current = digestOf(readFileSync(configPath(lab)))
  if (taken === current) return 'current'
  if (!(await isListening(lab)) || !(await services.signal('collector', 'SIGHUP'))) return 'not running'
  writeFileAtomically(takenPath(lab), current)
  return 'reloaded'
}

/** Where the watcher leaves its pid once it has read all nodes. */
export function watchReadyPath(lab: Lab): string {
  return join(lab.configDir, 'collector-watch.ready')
}

/** Where the digest of the configuration is that the collector has read: an older one's costs a reload, a newer one's a node. */
function takenPath(lab: Lab): string {
  return join(lab.configDir, 'otelcol.taken')
}

function digestOf(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex')
}

/** The collector's configuration: in a folder of its own where a container sees it. */
export function configPath(lab: Lab): string {
  return join(runtimeOf(lab) === 'docker' ? containerDir(lab, 'collector') : lab.configDir, CONFIG_FILE)
}

function collectorEnv(lab: Lab): Record<string, string> {
  return { KUBECONFIG: kubeconfigPath(lab, 'collector') }
}
