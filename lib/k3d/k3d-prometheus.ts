import { stringify } from 'yaml'
import { LabError } from '../cli/errors.ts'
import { goDuration } from '../cli/settings.ts'
import { fields, items, text } from '../kube/json.ts'

/** The folder of the lab's files in LGTM's container. */
export const mountedDir = '/otel-lgtm/kube-otel-lab'

/** The folder of the pod's token and of the cluster's CA. */
const IDENTITY_DIR = '/var/run/secrets/kubernetes.io/serviceaccount'

const SIMULATED = { source_labels: ['__meta_kubernetes_node_label_kube_otel_lab_simulated'], regex: 'true' }

export interface ClusterPrometheusInput {
  /** The document of kwok-config/prometheus.yaml, which has the same storage and the same relabeling of cAdvisor's series. */
  prometheusBase: unknown
  clusterName: string
  intervalMs: number
  /** Whether the nodes' certificates are left unchecked. */
  insecureTls: boolean
  /** The CA of the kubelets of simulated nodes, PEM; without it the nodes are real. Of a cluster with both, the lab measures the simulated ones. */
  simulatedCa?: string | undefined
  /** More jobs: those that the chart of the lab inside the cluster has, with METRICS=both. */
  moreJobs?: readonly unknown[]
}

/** The configuration of Prometheus inside a cluster, which scrapes itself and the cAdvisor of each kubelet. */
export function clusterPrometheusConfig(given: ClusterPrometheusInput): string {
  const config = fields(given.prometheusBase)
  const interval = goDuration(given.intervalMs)
  const jobs = new Map(items(config['scrape_configs']).map(job => [text(fields(job)['job_name']), fields(job)]))
  const cadvisor = jobs.get('kubelet-cadvisor')
  if (cadvisor === undefined) throw new LabError('kwok-config/prometheus.yaml has no job kubelet-cadvisor')
  return stringify({
    ...config,
    global: {
      ...fields(config['global']),
      scrape_interval: interval,
      scrape_timeout: goDuration(Math.min(given.intervalMs, 10_000)),
      evaluation_interval: interval,
    },
    rule_files: [`${mountedDir}/rules/*.yaml`],
    scrape_configs: [
      {
        job_name: 'prometheus',
        static_configs: [{ targets: ['127.0.0.1:9090'], labels: { k8s_cluster_name: given.clusterName } }],
      },
      {
        ...cadvisor,
        // Each kubelet directly.
        proxy_url: undefined,
        authorization: { credentials_file: `${IDENTITY_DIR}/token` },
        tls_config:
          given.simulatedCa === undefined
            ? { ca_file: `${IDENTITY_DIR}/ca.crt`, insecure_skip_verify: given.insecureTls }
            : { ca: given.simulatedCa },
        kubernetes_sd_configs: [{ role: 'node' }],
        relabel_configs: [
          ...(given.simulatedCa === undefined ? [] : [{ ...SIMULATED, action: 'keep' }]),
          ...items(cadvisor['relabel_configs']),
          { target_label: 'k8s_cluster_name', replacement: given.clusterName },
        ],
      },
      ...(given.moreJobs ?? []),
    ],
  })
}
