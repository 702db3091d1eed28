import { createHash } from 'node:crypto'
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { programPath } from '../binaries.ts'
import { jaegerOtlpAddress } from '../jaeger.ts'
import { kubeconfigPath } from '../kubeconfig.ts'
import { type Lab, projectDir, writeFileAtomically } from '../lab.ts'
import { acceptsConnections } from '../ports.ts'
import { prometheusUrl } from '../prometheus.ts'
import { run } from '../run.ts'
import type { ServiceSpec, Services } from '../services.ts'
import { collectorConfig } from './config.ts'

/** How the collector is started. */
export async function collectorService(lab: Lab): Promise<ServiceSpec> {
  return {
    name: 'collector',
    command: await programPath('otelcol'),
    args: [`--config=${configPath(lab)}`],
    env: collectorEnv(lab),
    ready: () => acceptsConnections(lab.settings.otlpHttpPort),
    // It first reads every pod and node.
    readyTimeoutMs: 60_000,
  }
}

/** How the watcher is started that keeps the collector's receivers and the cluster's nodes the same. */
export function collectorWatchService(lab: Lab, services: Services): ServiceSpec {
  return {
    name: 'collector-watch',
    command: process.execPath,
    args: [
      '--import',
      import.meta.resolve('tsx'),
      join(projectDir, 'lib', 'collector', 'watch.ts'),
      '--cluster-name',
      lab.settings.clusterName,
    ],
    ready: async () => {
      const path = watchReadyPath(lab)
      const pid = (await services.state('collector-watch')).process?.pid
      return pid !== undefined && existsSync(path) && readFileSync(path, 'utf8') === String(pid)
    },
  }
}

/**
 * Makes the collector's configuration name exactly these nodes. A new one is written beside the old, checked by the
 * collector itself, and only then renamed into place: a bad file ends a running collector at its reload.
 *
 * Throws a LabError with the collector's words when it refuses the file; the old one stays.
 */
export async function writeCollectorConfig(lab: Lab, nodes: readonly string[]): Promise<void> {
  const { settings } = lab
  const rendered = collectorConfig(readFileSync(join(projectDir, 'kwok-config', 'kwok-otel-collector.yaml'), 'utf8'), {
    clusterName: settings.clusterName,
    hostName: hostname(),
    intervalMs: settings.collectionInterval,
    nodes,
    statsProxyUrl: `http://127.0.0.1:${settings.statsProxyPort}`,
    otlpGrpcEndpoint: `127.0.0.1:${settings.otlpGrpcPort}`,
    otlpHttpEndpoint: `127.0.0.1:${settings.otlpHttpPort}`,
    metricsUrl: `${prometheusUrl(lab)}/api/v1/otlp/v1/metrics`,
    tracesEndpoint: jaegerOtlpAddress(lab),
  })
  const path = configPath(lab)
  if (existsSync(path) && readFileSync(path, 'utf8') === rendered) return
  // Task and watcher may both be at it, so each checks a file of its own.
  const candidate = join(lab.configDir, `otelcol.${process.pid}.yaml`)
  try {
    writeFileAtomically(candidate, rendered)
    await run(await programPath('otelcol'), ['validate', `--config=${candidate}`], {
      env: { ...process.env, ...collectorEnv(lab) },
      timeoutMs: 60_000,
    })
    renameSync(candidate, path)
  } finally {
    rmSync(candidate, { force: true })
  }
}

/** Notes that the collector runs with the configuration that is on disk: it was just started, or told. */
export function markConfigTaken(lab: Lab): void {
  writeFileAtomically(takenPath(lab), digestOf(configPath(lab)))
}

/**
 * Tells a running collector to read its configuration again, if it has not taken the one on disk; its pipelines restart
 * within a second or two. Returns what was done: `reloaded`, `current` when it has that one, or `not running` (it may be
 * starting: a collector that gets the signal before it listens ends).
 */
export async function reloadCollector(lab: Lab, services: Services): Promise<'reloaded' | 'current' | 'not running'> {
  const taken = existsSync(takenPath(lab)) ? readFileSync(takenPath(lab), 'utf8') : ''
  if (taken === digestOf(configPath(lab))) return 'current'
  if (!(await acceptsConnections(lab.settings.otlpHttpPort)) || !(await services.signal('collector', 'SIGHUP')))
    return 'not running'
  markConfigTaken(lab)
  return 'reloaded'
}

/** Where the watcher leaves its pid once it has read all nodes. */
export function watchReadyPath(lab: Lab): string {
  return join(lab.configDir, 'collector-watch.ready')
}

function takenPath(lab: Lab): string {
  return join(lab.configDir, 'otelcol.taken')
}

function digestOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}

function configPath(lab: Lab): string {
  return join(lab.configDir, 'otelcol.yaml')
}

function collectorEnv(lab: Lab): Record<string, string> {
  return { KUBECONFIG: kubeconfigPath(lab, 'collector') }
}
