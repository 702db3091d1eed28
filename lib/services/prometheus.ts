import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { goDuration } from '../cli/settings.ts'
import { addressesOf } from '../lab/addresses.ts'
import { type Component, components } from '../lab/components.ts'
import { caPath, kubeconfigPath, prometheusTokenPath } from '../lab/kubeconfig.ts'
import { type Lab, projectDir, writeFileAtomically } from '../lab/lab.ts'
import { programPath } from '../programs/programs.ts'
import { lookbackMs, type PrometheusTargets, prometheusConfig } from '../prometheus/prometheus-config.ts'
import { isOk, probe } from '../system/probe.ts'
import { run } from '../system/run.ts'
import type { Service } from './service.ts'

/** The size of its data above which the oldest is deleted. */
const RETENTION_SIZE = '2GB'

/** The configuration of the lab's Prometheus, with the paths of files as Prometheus sees them. */
export function labPrometheusConfig(
  lab: Lab,
  files: Pick<PrometheusTargets, 'kubeconfigFile' | 'tokenFile' | 'caFile' | 'ruleFiles'>,
): string {
  const { component, prometheus, statsProxy, kubeletProxy, metricsServer, alertmanager, ...others } = addressesOf(lab)
  const { kubeStateMetrics, kubeStateMetricsTelemetry } = others
  return prometheusConfig(join(projectDir, 'kwok-config'), {
    ...files,
    clusterName: lab.settings.clusterName,
    intervalMs: lab.settings.collectionInterval,
    metrics: lab.settings.metrics,
    targets: {
      prometheus,
      'stats-proxy': statsProxy,
      'metrics-server': metricsServer,
      'kube-state-metrics': kubeStateMetrics,
      'kube-state-metrics-telemetry': kubeStateMetricsTelemetry,
      ...Object.fromEntries(components.map(name => [jobOf(name), component(name)])),
    },
    kwokDiscoveryUrl: `http://${component('kwok-controller')}/discovery/prometheus`,
    kubeletProxyUrl: `http://${kubeletProxy}`,
    alertmanager: lab.settings.alertmanager ? alertmanager : undefined,
  })
}

/** The scrape job of a component, as kube-prometheus names it. */
function jobOf(name: Component): string {
  return name === 'kube-apiserver' ? 'apiserver' : name
}

/** The lab's Prometheus. `writePrometheusConfig` comes first. */
export const prometheus = {
  name: 'prometheus',
  process: {
    ports: ['prometheusPort'],
    probe: async lab => await probe({ url: readyUrl(lab) }),
    spec: async lab => ({
      name: 'prometheus',
      command: await programPath('prometheus'),
      args: [
        `--config.file=${prometheusConfigPath(lab)}`,
        `--storage.tsdb.path=${join(lab.dataDir, 'prometheus')}`,
        `--storage.tsdb.retention.size=${RETENTION_SIZE}`,
        `--web.listen-address=127.0.0.1:${lab.settings.prometheusPort}`,
        // The links of alerts lead here.
        `--web.external-url=${prometheusUrl(lab)}`,
        '--web.enable-otlp-receiver',
        `--query.lookback-delta=${goDuration(lookbackMs(lab.settings.collectionInterval))}`,
        '--log.level=warn',
      ],
      ready: () => isOk(readyUrl(lab)),
      // A large write-ahead log is replayed before it answers.
      readyTimeoutMs: 120_000,
    }),
  },
} as const satisfies Service

/** Writes the configuration if it has changed; `promtool` checks it first. */
export async function writePrometheusConfig(lab: Lab): Promise<void> {
  const rendered = labPrometheusConfig(lab, {
    kubeconfigFile: kubeconfigPath(lab, 'prometheus'),
    tokenFile: prometheusTokenPath(lab),
    caFile: caPath(lab),
  })
  const path = prometheusConfigPath(lab)
  if (existsSync(path) && readFileSync(path, 'utf8') === rendered) return
  const candidate = join(lab.configDir, `prometheus.${process.pid}.yaml`)
  try {
    writeFileAtomically(candidate, rendered)
    await run(await programPath('promtool'), ['check', 'config', candidate])
    renameSync(candidate, path)
  } finally {
    rmSync(candidate, { force: true })
  }
}

export function prometheusUrl(lab: Lab): string {
  return `http://127.0.0.1:${lab.settings.prometheusPort}`
}

/** The Prometheus to verify against, and whether it belongs to the lab. */
export function labPrometheus(lab: Lab): { url: string; isLab: boolean } {
  const own = prometheusUrl(lab)
  const { prometheusUrl: chosen } = lab.settings
  return chosen === 'auto' ? { url: own, isLab: true } : { url: chosen, isLab: chosen === own }
}

/** The URL of Prometheus's readiness check. */
export function readyUrl(lab: Lab): string {
  return `${prometheusUrl(lab)}/-/ready`
}

function prometheusConfigPath(lab: Lab): string {
  return join(lab.configDir, 'prometheus.yaml')
}
