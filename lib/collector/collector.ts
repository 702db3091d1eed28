import { existsSync, readFileSync, renameSync } from 'node:fs'
import { connect } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { programPath } from '../binaries.ts'
import { kubeconfigPath } from '../kubeconfig.ts'
import { type Lab, projectDir, writeFileAtomically } from '../lab.ts'
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
    ready: () => accepts(lab.settings.otlpHttpPort),
    // It first reads every pod and node.
    readyTimeoutMs: 60_000,
  }
}

/** How the watcher is started that keeps the collector's receivers and the cluster's nodes the same. */
export function collectorWatchService(lab: Lab): ServiceSpec {
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
    ready: async () => true,
  }
}

/**
 * Makes the collector's configuration name exactly these nodes. A new one is written beside the old, checked by the
 * collector itself, and only then renamed into place: a bad file ends a running collector at its reload. Returns false when
 * the file says so already.
 *
 * Throws a LabError with the collector's words when it refuses the file; the old one stays.
 */
export async function writeCollectorConfig(lab: Lab, nodes: readonly string[]): Promise<boolean> {
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
  })
  const path = configPath(lab)
  if (existsSync(path) && readFileSync(path, 'utf8') === rendered) return false
  const candidate = join(lab.configDir, 'otelcol.next.yaml')
  writeFileAtomically(candidate, rendered)
  await run(await programPath('otelcol'), ['validate', `--config=${candidate}`], {
    env: { ...process.env, ...collectorEnv(lab) },
    timeoutMs: 60_000,
  })
  renameSync(candidate, path)
  return true
}

/** Tells a running collector to read its configuration again; its pipelines restart within a second or two. */
export async function reloadCollector(services: Services): Promise<boolean> {
  return await services.signal('collector', 'SIGHUP')
}

function configPath(lab: Lab): string {
  return join(lab.configDir, 'otelcol.yaml')
}

function collectorEnv(lab: Lab): Record<string, string> {
  return { KUBECONFIG: kubeconfigPath(lab, 'collector') }
}

/** Whether something accepts connections on a port of this machine. */
async function accepts(port: number): Promise<boolean> {
  return await new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.setTimeout(1_000, () => socket.destroy())
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('close', () => resolve(false))
    socket.once('error', () => resolve(false))
  })
}
