import { join } from 'node:path'
import { stringify } from 'yaml'
import { fields, items, text } from '../kube/json.ts'
import { NODE_EXPORTER_PATH } from '../kube/node-address.ts'
import { projectDir } from '../lab/lab.ts'
import { readYamlDocuments } from '../system/yaml-files.ts'

/** The file of the chart, in the project. */
export const SCRAPE_CONFIGS = join('charts', 'kube-otel-lab', 'files', 'scrape-configs.yaml')

const HEADER = `{{- /* Generated from kwok-config/kube-prometheus.yaml by \`make reference\`. Do not edit. \`shard\` is a number, or empty for all. */ -}}
`
/** A shard's number as a regular expression. */
const SHARD = '{{ .shard | default "[0-9]+" }}'
/** kube-state-metrics cannot select nodes and namespaces. */
const KEEP_SIMULATED = {
  source_labels: ['namespace', 'node'],
  regex: '({{ join "|" .Values.pods.namespaces }})?;({{ .Values.nodePrefix }}-.*)?',
  action: 'keep',
}
const CLUSTER_NAME = '{{ .Values.clusterName | replace "$" "$$" | toJson }}'
/** Only a node that a shard serves has such a name. */
const KEEP_SERVED = {
  source_labels: ['__meta_kubernetes_node_address_InternalDNS'],
  regex: `stats-proxy-${SHARD}\\.stats-proxy\\.{{ .Release.Namespace }}\\.svc`,
  action: 'keep',
}
/** Those of kube-prometheus' ServiceMonitor, but `pod`: the node exporters inside a cluster have no pods. */
const NODE_EXPORTER_LABELS = [
  ...setLabels({ namespace: 'monitoring', service: 'node-exporter', endpoint: 'https', container: 'kube-rbac-proxy' }),
  { source_labels: ['__meta_kubernetes_node_name'], target_label: 'instance' },
]

/** The jobs of kube-prometheus.yaml in kwok-config, for the simulated nodes inside a cluster: the text of `SCRAPE_CONFIGS`. */
export function scrapeConfigsTemplate(): string {
  const [document] = readYamlDocuments(join(projectDir, 'kwok-config', 'kube-prometheus.yaml'))
  const jobs = items(fields(document)['scrape_configs']).map(fields)
  // Not folded: a line break could be inside an action of the template.
  const yaml = stringify({ scrape_configs: jobs.map(jobInCluster) }, { aliasDuplicateObjects: false, lineWidth: 0 })
  // Any context is a name; in a replacement `$` has a meaning.
  return HEADER + yaml.replaceAll('"{{ .Values.clusterName }}"', () => CLUSTER_NAME)
}

function jobInCluster(job: Record<string, unknown>): Record<string, unknown> {
  const { static_configs, kubernetes_sd_configs, relabel_configs, metric_relabel_configs, ...rest } = job
  const name = text(job['job_name']) ?? ''
  const own = items(relabel_configs)
  const common = {
    ...rest,
    // Another job of the same Prometheus may have its name.
    job_name: `kube-otel-lab/{{ .shard | default "all" }}/${name}`,
  }
  const jobLabel = own.some(rule => fields(rule)['target_label'] === 'job') ? [] : setLabels({ job: name })
  const cluster = setLabels({ cluster: '{{ .Values.clusterName }}' })
  if (static_configs !== undefined) {
    const isTelemetry = name === 'kube-state-metrics-telemetry'
    const keep = {
      source_labels: ['__meta_kubernetes_pod_name', '__meta_kubernetes_pod_container_port_name'],
      regex: `kube-state-metrics-${SHARD};(pods|nodes)${isTelemetry ? '-telemetry' : ''}`,
      action: 'keep',
    }
    const labels = setLabels(fields(fields(items(static_configs)[0])['labels']))
    return {
      ...common,
      kubernetes_sd_configs: [{ role: 'pod', namespaces: { names: ['{{ .Release.Namespace }}'] } }],
      relabel_configs: [keep, ...jobLabel, ...own, ...labels, ...cluster],
      metric_relabel_configs: isTelemetry ? undefined : [KEEP_SIMULATED, ...items(metric_relabel_configs)],
    }
  }
  const isNodeExporter = name === 'node-exporter'
  return {
    ...common,
    ...(isNodeExporter ? { metrics_path: `${NODE_EXPORTER_PATH}/metrics` } : {}),
    authorization: { credentials_file: '/var/run/secrets/kubernetes.io/serviceaccount/token' },
    tls_config: { ca: '{{ .ca }}' },
    kubernetes_sd_configs: [{ role: 'node' }],
    relabel_configs: [KEEP_SERVED, ...jobLabel, ...(isNodeExporter ? NODE_EXPORTER_LABELS : own), ...cluster],
    metric_relabel_configs,
  }
}

function setLabels(labels: Record<string, unknown>) {
  return Object.entries(labels).map(([target_label, replacement]) => ({ target_label, replacement }))
}
