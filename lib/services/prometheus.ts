import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { LabError } from '../cli/errors.ts'
import { goDuration } from '../cli/settings.ts'
import { fields, items, text } from '../kube/json.ts'
import { addressesOf } from '../lab/addresses.ts'
import { components } from '../lab/components.ts'
import { caPath, kubeconfigPath, prometheusTokenPath } from '../lab/kubeconfig.ts'
import { type Lab, projectDir, writeFileAtomically } from '../lab/lab.ts'
import { programPath } from '../programs/programs.ts'
import { run } from '../system/run.ts'
import type { ServiceSpec } from './process-services.ts'

/** The size its data may grow to before the oldest goes. */
const RETENTION_SIZE = '2GB'

/** What a Prometheus configuration is filled in with. */
export interface PrometheusTargets {
  clusterName: string
  intervalMs: number
  /** `host:port` of each job with static targets, by job name. */
  targets: Readonly<Record<string, string>>
  /** The kwok-controller's service discovery. */
  kwokDiscoveryUrl: string
  /** `host:port` where the nodes' kubelets answer, by path, and the kubeconfig to find the nodes with. */
  kubeletAddress: string
  kubeconfigFile: string
  tokenFile: string
  caFile: string
  /** In place of the base's own, which are relative to the lab's folder. */
  ruleFiles?: readonly string[]
}

/**
 * The base configuration with its targets. Jobs over https get the token and check the certificate, which all parts of a
 * KWOK control plane share and which is for `localhost`.
 *
 * Throws a LabError when the base has a job that there is no target for.
 */
export function prometheusConfig(base: string, given: PrometheusTargets): string {
  const config = parse(base) as Record<string, unknown>
  const interval = goDuration(given.intervalMs)
  const labels = { k8s_cluster_name: given.clusterName }
  const jobs = items(config['scrape_configs']).map(item => {
    const job = fields(item)
    const name = text(job['job_name']) ?? ''
    if (job['http_sd_configs'] !== undefined) {
      const [first] = items(job['http_sd_configs'])
      const relabels = items(job['relabel_configs'])
      return {
        ...job,
        http_sd_configs: [{ ...fields(first), url: given.kwokDiscoveryUrl }],
        relabel_configs: [...relabels, { target_label: 'k8s_cluster_name', replacement: given.clusterName }],
      }
    }
    if (job['kubernetes_sd_configs'] !== undefined) {
      const [first] = items(job['kubernetes_sd_configs'])
      const relabels = items(job['relabel_configs']).map(each => {
        const rule = fields(each)
        return rule['target_label'] === '__address__' ? { ...rule, replacement: given.kubeletAddress } : rule
      })
      return {
        ...job,
        kubernetes_sd_configs: [{ ...fields(first), kubeconfig_file: given.kubeconfigFile }],
        relabel_configs: [...relabels, { target_label: 'k8s_cluster_name', replacement: given.clusterName }],
      }
    }
    const target = given.targets[name]
    if (target === undefined)
      throw new LabError(`kwok-config/prometheus.yaml has a job "${name}" that the lab has no target for`)
    return {
      ...job,
      ...(job['scheme'] === 'https'
        ? {
            authorization: { credentials_file: given.tokenFile },
            tls_config: { ca_file: given.caFile, server_name: 'localhost' },
          }
        : {}),
      static_configs: [{ targets: [target], labels }],
    }
  })
  return stringify({
    ...config,
    ...(given.ruleFiles === undefined ? {} : { rule_files: given.ruleFiles }),
    global: {
      ...fields(config['global']),
      scrape_interval: interval,
      scrape_timeout: goDuration(Math.min(given.intervalMs, 10_000)),
      evaluation_interval: interval,
    },
    scrape_configs: jobs,
  })
}

/** `--query.lookback-delta`: OTLP brings no staleness markers, so what is gone has to age out soon. */
export function lookbackMs(intervalMs: number): number {
  return 3 * Math.max(intervalMs, 15_000)
}

/** The configuration of the lab's Prometheus, which sees these files where they are said to be. */
export function labPrometheusConfig(
  lab: Lab,
  files: Pick<PrometheusTargets, 'kubeconfigFile' | 'tokenFile' | 'caFile' | 'ruleFiles'>,
): string {
  const { component, prometheus, statsProxy, metricsServer } = addressesOf(lab)
  return prometheusConfig(readFileSync(join(projectDir, 'kwok-config', 'prometheus.yaml'), 'utf8'), {
    ...files,
    clusterName: lab.settings.clusterName,
    intervalMs: lab.settings.collectionInterval,
    targets: {
      prometheus,
      'stats-proxy': statsProxy,
      'metrics-server': metricsServer,
      ...Object.fromEntries(components.map(name => [name, component(name)])),
    },
    kwokDiscoveryUrl: `http://${component('kwok-controller')}/discovery/prometheus`,
    kubeletAddress: statsProxy,
  })
}

/** Writes the configuration when it differs from what is there, checked by `promtool` before it takes its place. */
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

/** How the lab's Prometheus is started. */
export async function prometheusService(lab: Lab): Promise<ServiceSpec> {
  return {
    name: 'prometheus',
    command: await programPath('prometheus'),
    args: [
      `--config.file=${prometheusConfigPath(lab)}`,
      `--storage.tsdb.path=${join(lab.dataDir, 'prometheus')}`,
      `--storage.tsdb.retention.size=${RETENTION_SIZE}`,
      `--web.listen-address=127.0.0.1:${lab.settings.prometheusPort}`,
      '--web.enable-otlp-receiver',
      `--query.lookback-delta=${goDuration(lookbackMs(lab.settings.collectionInterval))}`,
      '--log.level=warn',
    ],
    ready: async () => (await get(`${prometheusUrl(lab)}/-/ready`))?.status === 200,
    // A large write-ahead log is replayed before it answers.
    readyTimeoutMs: 120_000,
  }
}

export function prometheusUrl(lab: Lab): string {
  return `http://127.0.0.1:${lab.settings.prometheusPort}`
}

/** One series of an instant query: its labels, and its value. */
export interface Sample {
  labels: Readonly<Record<string, string>>
  value: number
}

/**
 * An instant query.
 *
 * Throws a LabError with Prometheus's own words when it can't be reached or refuses the expression.
 */
export async function query(baseUrl: string, expression: string): Promise<Sample[]> {
  let body: unknown
  try {
    const answer = await fetch(`${baseUrl}/api/v1/query`, {
      method: 'POST',
      body: new URLSearchParams({ query: expression }),
      signal: AbortSignal.timeout(30_000),
    })
    body = await answer.json()
  } catch (error) {
    // fetch() itself only says that it failed.
    const reason = error instanceof Error && error.cause instanceof Error ? error.cause : error
    const why = reason instanceof Error ? reason.message : String(reason)
    throw new LabError(`Cannot query ${baseUrl}`, { why, next: 'make kwok-status', cause: error })
  }
  const { status, data, error } = fields(body)
  if (status !== 'success') throw new LabError(`Prometheus refused ${expression}`, { why: text(error) })
  return items(fields(data)['result']).map(series => ({
    labels: fields(fields(series)['metric']) as Record<string, string>,
    value: sampleValue(items(fields(series)['value'])[1]),
  }))
}

/** Prometheus writes `+Inf`, which JavaScript does not read. */
function sampleValue(value: unknown): number {
  return Number(String(value).replace('Inf', 'Infinity'))
}

function prometheusConfigPath(lab: Lab): string {
  return join(lab.configDir, 'prometheus.yaml')
}

async function get(url: string): Promise<Response | undefined> {
  return await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined)
}
