import { parse, stringify } from 'yaml'
import { LabError } from '../cli/errors.ts'
import { goDuration } from '../cli/settings.ts'
import { fields, items, text } from '../kube/json.ts'

/** The values of a Prometheus configuration. */
export interface PrometheusTargets {
  clusterName: string
  intervalMs: number
  /** `host:port` of each job with static targets, by job name. */
  targets: Readonly<Record<string, string>>
  /** The service discovery of kwok-controller. */
  kwokDiscoveryUrl: string
  /** `host:port` of the nodes' kubelets, which differ by path, and the kubeconfig for the discovery of nodes. */
  kubeletAddress: string
  kubeconfigFile: string
  tokenFile: string
  caFile: string
  /** Replaces the base's rule files, which are relative to the lab's folder. */
  ruleFiles?: readonly string[]
}

/**
 * The base configuration with its targets. Jobs with https get the token and the CA; all components of a KWOK control plane share one
 * certificate, for `localhost`.
 *
 * Throws a LabError when the base has a job without a target.
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
      throw new LabError(`kwok-config/prometheus.yaml has a job "${name}" without a target in the lab`)
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

/** `--query.lookback-delta`: OTLP has no staleness markers, so a short look-back ends the series of deleted objects. */
export function lookbackMs(intervalMs: number): number {
  return 3 * Math.max(intervalMs, 15_000)
}
