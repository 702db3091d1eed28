/**
 * Waits until the lab's data is complete: every node and every running pod has a fresh series in Prometheus under its own node's name. Then
 * prints a summary. The last step of `make kwok`.
 *
 *   tsx tasks/kwok-ready.ts
 */

import { makeCommand } from '../lib/cli/settings.ts'
import { waitUntilMeasured } from '../lib/kwok/lab-ready.ts'
import type { Lab } from '../lib/lab/lab.ts'
import { hasOtelMetrics } from '../lib/lab/metrics-dialects.ts'
import { print, runClusterTask, say } from '../lib/lab/task.ts'
import { programPath } from '../lib/programs/programs.ts'
import { alertmanager, alertmanagerUrl } from '../lib/services/alertmanager.ts'
import { grafanaUrl } from '../lib/services/grafana.ts'
import { lgtm } from '../lib/services/lgtm.ts'
import { waitUntilTopAnswers } from '../lib/services/metrics-server.ts'
import { page } from '../lib/services/page.ts'
import { prometheusUrl } from '../lib/services/prometheus.ts'
import { hasService } from '../lib/services/service.ts'
import { statsProxyUrl } from '../lib/services/stats-proxy.ts'

const about = 'Waits until every node and every running pod has fresh metrics in Prometheus.'

await runClusterTask({ about, settings: [] }, async ({ lab }) => {
  say('Waiting until the metrics of every node and pod are in Prometheus')
  const { nodes, runningPods } = await waitUntilMeasured(lab)
  await waitUntilTopAnswers(lab, nodes)
  const isLgtm = hasService(lab, lgtm)
  const queryTool = isLgtm
    ? 'Explore of Grafana'
    : `${await programPath('promtool')} query instant ${prometheusUrl(lab)} '<query>'`
  print(summary(lab, { nodes: nodes.size, pods: runningPods.size, queryTool }))
})

function summary(lab: Lab, given: { nodes: number; pods: number; queryTool: string }): string {
  const { nodes, pods, queryTool } = given
  const { clusterName, otlpGrpcPort, otlpHttpPort } = lab.settings
  const isShown = hasService(lab, page) || hasService(lab, lgtm)
  const dashboards = isShown ? `  Dashboards   ${grafanaUrl(lab)}\n` : ''
  const alerts = hasService(lab, alertmanager) ? `  Alertmanager ${alertmanagerUrl(lab)}\n` : ''
  return `
The lab "${clusterName}" is ready: ${nodes} nodes and ${pods} running pods, each with fresh metrics under its own node.

  kubectl --context ${lab.context} get nodes
${dashboards}  Prometheus   ${prometheusUrl(lab)}
${alerts}  OTLP         127.0.0.1:${otlpGrpcPort} (gRPC), http://127.0.0.1:${otlpHttpPort} (HTTP)
  Kubelets     ${statsProxyUrl(lab)}/nodes/<node>/stats/summary

Three queries to try, with ${queryTool}:

${exampleQueries(lab)
  .map(query => `  ${query}`)
  .join('\n')}

Next: ${['verify', 'kwok-status', 'kwok NODE_COUNT=100 POD_COUNT=1000', 'kwok-down'].map(target => makeCommand(target, clusterName)).join(', ')}`
}

/** CPU by node, the greatest memory, and requested CPU by node, under the names that the lab has. */
function exampleQueries(lab: Lab): string[] {
  const window = `${Math.ceil((4 * lab.settings.collectionInterval) / 60_000)}m`
  if (hasOtelMetrics(lab)) {
    return [
      `sum by (k8s_node_name) (rate(k8s_pod_cpu_time_seconds_total[${window}]))`,
      'topk(5, sum by (k8s_namespace_name, k8s_deployment_name) (container_memory_working_set_bytes{k8s_deployment_name!=""}))',
      'sum by (k8s_node_name) (k8s_container_cpu_request) / on (k8s_node_name) k8s_node_allocatable_cpu',
    ]
  }
  return [
    `sum by (node) (rate(container_cpu_usage_seconds_total{container!=""}[${window}]))`,
    'topk(5, sum by (namespace, pod) (container_memory_working_set_bytes{container!=""}))',
    'sum by (node) (kube_pod_container_resource_requests{resource="cpu"}) / on (node) kube_node_status_allocatable{resource="cpu"}',
  ]
}
