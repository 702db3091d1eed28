import { join } from 'node:path'
import * as v from 'valibot'
import { stringify } from 'yaml'
import { LabError } from '../cli/errors.ts'
import { goDuration, type Settings } from '../cli/settings.ts'
import { readYamlDocuments } from '../system/yaml-files.ts'

/** The values of a Prometheus configuration. */
export interface PrometheusTargets {
  clusterName: string
  intervalMs: number
  metrics: Settings['metrics']
  /** `host:port` of each job with static targets, by job name. */
  targets: Readonly<Record<string, string>>
  /** The service discovery of kwok-controller. */
  kwokDiscoveryUrl: string
  /** The proxy to the nodes' kubelets, and the kubeconfig for the discovery of nodes. */
  kubeletProxyUrl: string
  kubeconfigFile: string
  tokenFile: string
  caFile: string
  /** `host:port` of the Alertmanager; undefined without one. */
  alertmanager?: string | undefined
  /** Replaces the base's rule files, which are relative to the lab's folder. */
  ruleFiles?: readonly string[]
}

/** The fields of a base configuration that the lab changes. */
const baseSchema = v.looseObject({
  global: v.optional(v.looseObject({}), {}),
  scrape_configs: v.array(
    v.looseObject({
      job_name: v.string(),
      scheme: v.exactOptional(v.string()),
      static_configs: v.exactOptional(
        v.array(
          v.object({ targets: v.array(v.string()), labels: v.exactOptional(v.record(v.string(), v.string()), {}) }),
        ),
      ),
      http_sd_configs: v.exactOptional(v.array(v.looseObject({}))),
      kubernetes_sd_configs: v.exactOptional(v.array(v.looseObject({}))),
      relabel_configs: v.exactOptional(v.array(v.looseObject({ target_label: v.exactOptional(v.string()) }))),
    }),
  ),
})

type Base = v.InferOutput<typeof baseSchema>
type Job = Base['scrape_configs'][number]

/**
 * The configuration of the lab: prometheus.yaml of a folder, and the jobs of kube-prometheus.yaml when METRICS has their dialect, with
 * their targets. Jobs with https get the token and the CA; all components of a KWOK control plane share one certificate, for `localhost`.
 *
 * Throws a LabError when a file is no configuration, or has a job without a target.
 */
export function prometheusConfig(dir: string, given: PrometheusTargets): string {
  const { scrape_configs, ...base } = readBase(join(dir, 'prometheus.yaml'))
  const interval = goDuration(given.intervalMs)
  const own =
    given.metrics === 'prometheus' ? scrape_configs.filter(job => job.job_name !== CADVISOR_JOB) : scrape_configs
  const others = given.metrics === 'otel' ? [] : readBase(join(dir, 'kube-prometheus.yaml')).scrape_configs
  return stringify({
    ...base,
    ...(given.ruleFiles === undefined ? {} : { rule_files: given.ruleFiles }),
    ...(given.alertmanager === undefined
      ? {}
      : { alerting: { alertmanagers: [{ static_configs: [{ targets: [given.alertmanager] }] }] } }),
    global: {
      ...base.global,
      scrape_interval: interval,
      scrape_timeout: goDuration(Math.min(given.intervalMs, 10_000)),
      evaluation_interval: interval,
    },
    scrape_configs: [
      ...withTargets(own, given, 'k8s_cluster_name'),
      // Without k8s_cluster_name: the lab's own queries, which select by it, do not count these series.
      ...withTargets(others, given, 'cluster'),
    ],
  })
}

/** The kubelets' cAdvisor under OpenTelemetry's labels. */
const CADVISOR_JOB = 'kubelet-cadvisor'

function readBase(file: string): Base {
  const { success, output, issues } = v.safeParse(baseSchema, readYamlDocuments(file)[0])
  if (!success) throw new LabError(`${file} is no Prometheus configuration`, { why: v.summarize(issues) })
  return output
}

function withTargets(jobs: readonly Job[], given: PrometheusTargets, clusterLabel: string): Job[] {
  const setCluster = { target_label: clusterLabel, replacement: given.clusterName }
  const authorization = { credentials_file: given.tokenFile }
  return jobs.map(job => {
    const { static_configs, http_sd_configs, kubernetes_sd_configs, relabel_configs = [] } = job
    if (http_sd_configs !== undefined)
      return {
        ...job,
        http_sd_configs: http_sd_configs.map(each => ({ ...each, url: given.kwokDiscoveryUrl })),
        relabel_configs: [...relabel_configs, setCluster],
      }
    if (kubernetes_sd_configs !== undefined) {
      return {
        ...job,
        proxy_url: given.kubeletProxyUrl,
        authorization,
        tls_config: { ca_file: given.caFile },
        kubernetes_sd_configs: kubernetes_sd_configs.map(each => ({ ...each, kubeconfig_file: given.kubeconfigFile })),
        relabel_configs: [...relabel_configs, setCluster],
      }
    }
    const target = given.targets[job.job_name]
    if (target === undefined)
      throw new LabError(`The Prometheus configuration has a job "${job.job_name}" without a target in the lab`)
    const tls_config = { ca_file: given.caFile, server_name: 'localhost' }
    return {
      ...job,
      ...(job.scheme === 'https' ? { authorization, tls_config } : {}),
      static_configs: [
        {
          targets: [target],
          labels: { ...static_configs?.[0]?.labels, cluster: given.clusterName, [clusterLabel]: given.clusterName },
        },
      ],
    }
  })
}

/** `--query.lookback-delta`: OTLP has no staleness markers, so a short look-back ends the series of deleted objects. */
export function lookbackMs(intervalMs: number): number {
  return 3 * Math.max(intervalMs, 15_000)
}
