import assert from 'node:assert/strict'
import { suite } from 'uvu'
import {
  perContainer,
  perNamespace,
  perPod,
  perPodOfWorkload,
  perWorkload,
  wholeCluster,
} from '../../dashboards/granularity.ts'
import { availability, errorBudget } from '../../dashboards/queries/apiserver.ts'
import { autoscaledReplicas } from '../../dashboards/queries/autoscalers.ts'
import { apiRequestLatency, quantile, rate, up } from '../../dashboards/queries/control-plane.ts'
import * as cpu from '../../dashboards/queries/cpu.ts'
import * as custom from '../../dashboards/queries/custom-metrics.ts'
import { databaseUtilisation } from '../../dashboards/queries/etcd.ts'
import * as kwokMetrics from '../../dashboards/queries/kwok-metrics.ts'
import * as memory from '../../dashboards/queries/memory.ts'
import * as network from '../../dashboards/queries/network.ts'
import * as nodes from '../../dashboards/queries/nodes.ts'
import * as pods from '../../dashboards/queries/pods.ts'
import type { Query } from '../../dashboards/queries/query.ts'
import { cpuQuotas, memoryQuotas } from '../../dashboards/queries/quota.ts'
import { quotient } from '../../dashboards/queries/quotient.ts'
import { inNamespace, selected } from '../../dashboards/queries/scope.ts'
import * as services from '../../dashboards/queries/services.ts'
import * as storage from '../../dashboards/queries/storage.ts'
import * as traces from '../../dashboards/queries/traces.ts'
import { inodesUtilisation, volumeUtilisation } from '../../dashboards/queries/volumes.ts'

const CL = 'k8s_cluster_name'
const POD = 'k8s_cluster_name, k8s_namespace_name, k8s_pod_name'
const inC = 'k8s_cluster_name=~"$cluster"'
const inN = `${inC}, k8s_namespace_name=~"$namespace"`
const inP = `${inN}, k8s_pod_name=~"$pod"`
const SERVICE = `${CL}, k8s_namespace_name, service_name`
const inS = `${inN}, service_name=~"$service"`
const served = 'span_kind="SPAN_KIND_SERVER"'
const inKwokPod = `${inC}, k8s_node_name=~"$node", namespace=~"$namespace"`
const ownerOf = (matchers: string) =>
  `* on (${POD}) group_left (workload, workload_type) namespace_workload_pod:k8s_pod_phase:relabel{${matchers}}`
const active = (metric: string) => `namespace_workload_pod_container:${metric}:active`

const none: Query = { expr: '' }
const table: readonly (readonly [call: string, query: Query, expr: string])[] = [
  [
    'cpuUsage(by namespace)',
    cpu.cpuUsage(perNamespace),
    `sum by (${CL}, k8s_namespace_name) (rate(container_cpu_time_seconds_total{${inC}}[$__rate_interval]))`,
  ],
  [
    'cpuUsage(by container)',
    cpu.cpuUsage(perContainer),
    `sum by (${POD}, k8s_container_name) (rate(container_cpu_time_seconds_total{${inP}}[$__rate_interval]))`,
  ],
  [
    'cpuUsage(by workload)',
    cpu.cpuUsage(perWorkload),
    `sum by (${CL}, k8s_namespace_name, workload_type, workload) (sum by (${POD}) (rate(container_cpu_time_seconds_total{${inN}}[$__rate_interval])) ${ownerOf(`${inN}, workload_type=~"$type"`)})`,
  ],
  [
    'cpuUsage(by pod of workload)',
    cpu.cpuUsage(perPodOfWorkload),
    `sum by (${POD}) (sum by (${POD}) (rate(container_cpu_time_seconds_total{${inN}}[$__rate_interval])) ${ownerOf(`${inN}, workload_type=~"$type", workload=~"$workload"`)})`,
  ],
  [
    'cpuRequests(by namespace)',
    cpu.cpuRequests(perNamespace),
    `sum by (${CL}, k8s_namespace_name) (${active('k8s_container_cpu_request')}{${inC}})`,
  ],
  [
    'cpuLimits(by node)',
    cpu.cpuLimits({ ...perNamespace, by: ['cluster', 'node'] }),
    `sum by (${CL}, k8s_node_name) (${active('k8s_container_cpu_limit')}{${inC}})`,
  ],
  [
    'memoryLimits(by pod of workload)',
    memory.memoryLimits(perPodOfWorkload),
    `sum by (${POD}) (${active('k8s_container_memory_limit_bytes')}{${inN}, workload_type=~"$type", workload=~"$workload"})`,
  ],
  [
    'cpuThrottling(by container)',
    cpu.cpuThrottling({ ...perContainer, by: ['container'] }),
    `sum by (k8s_container_name) (rate(container_cpu_cfs_throttled_periods_total{${inP}}[$__rate_interval])) / sum by (k8s_container_name) (rate(container_cpu_cfs_periods_total{${inP}}[$__rate_interval]))`,
  ],
  [
    'memoryWorkingSet(by pod)',
    memory.memoryWorkingSet(perPod),
    `sum by (${POD}) (container_memory_working_set_bytes{${inN}})`,
  ],
  ['memoryCache(by pod)', memory.memoryCache(perPod), `sum by (${POD}) (container_memory_cache{${inN}})`],
  [
    'memoryUsageOverRequests(by cluster)',
    memory.memoryUsageOverRequests(wholeCluster),
    `sum by (${CL}) (container_memory_working_set_bytes{${inC}}) / sum by (${CL}) (${active('k8s_container_memory_request_bytes')}{${inC}})`,
  ],
  [
    'bandwidth() in bits',
    network.bandwidth('receive', perPod),
    `8 * sum by (${POD}) (rate(k8s_pod_network_io_bytes_total{${inN}, direction="receive"}[$__rate_interval]))`,
  ],
  [
    'averageBandwidth() over pods with any interfaces',
    network.averageBandwidth('transmit', perNamespace),
    `8 * avg by (${CL}, k8s_namespace_name) (sum by (${POD}) (rate(k8s_pod_network_io_bytes_total{${inC}, direction="transmit"}[$__rate_interval])))`,
  ],
  [
    'droppedPackets()',
    network.droppedPackets('transmit', { ...perPod, by: ['namespace'] }),
    `sum by (k8s_namespace_name) (rate(container_network_transmit_packets_dropped_total{${inN}}[$__rate_interval]))`,
  ],
  [
    'allDiskOperations(), reads and writes',
    storage.allDiskOperations({ ...perPod, by: ['namespace'] }),
    `sum by (k8s_namespace_name) (rate(container_fs_reads_total{${inN}}[$__rate_interval])) + sum by (k8s_namespace_name) (rate(container_fs_writes_total{${inN}}[$__rate_interval]))`,
  ],
  [
    'pods() once each',
    pods.pods({ ...wholeCluster, by: ['cluster'] }),
    `count by (${CL}) (group by (${POD}) (k8s_pod_phase{${inC}}))`,
  ],
  [
    'runningPods()',
    pods.runningPods({ ...wholeCluster, by: ['cluster', 'node'] }),
    `count by (${CL}, k8s_node_name) (group by (${POD}, k8s_node_name) (k8s_pod_phase{${inC}} == 2))`,
  ],
  [
    'workloads()',
    pods.workloads({ ...wholeCluster, by: ['cluster'] }),
    `count by (${CL}) (group by (${CL}, k8s_namespace_name, workload, workload_type) (namespace_workload_pod:k8s_pod_phase:relabel{${inC}}))`,
  ],
  [
    'podsByPhase() with the names of the API',
    pods.podsByPhase({ ...wholeCluster, by: ['cluster'] }),
    `label_replace(label_replace(label_replace(label_replace(label_replace(count_values by (${CL}) ("phase", max by (${POD}) (k8s_pod_phase{${inC}})), "phase", "Pending", "phase", "1"), "phase", "Running", "phase", "2"), "phase", "Succeeded", "phase", "3"), "phase", "Failed", "phase", "4"), "phase", "Unknown", "phase", "5")`,
  ],
  ['nodes()', nodes.nodes({ ...wholeCluster, by: ['cluster'] }), `count by (${CL}) (k8s_node_condition_ready{${inC}})`],
  [
    'nodeCpuUtilisation() with the system',
    nodes.nodeCpuUtilisation({ ...wholeCluster, by: ['cluster'] }),
    `sum by (${CL}) (rate(k8s_node_cpu_time_seconds_total{${inC}}[$__rate_interval])) / sum by (${CL}) (k8s_node_allocatable_cpu{${inC}})`,
  ],
  [
    'nodeMemoryUtilisation()',
    nodes.nodeMemoryUtilisation({ ...wholeCluster, by: ['cluster'] }),
    `sum by (${CL}) (k8s_node_memory_working_set_bytes{${inC}}) / sum by (${CL}) (k8s_node_memory_available_bytes{${inC}} + k8s_node_memory_working_set_bytes{${inC}})`,
  ],
  [
    'cpuQuotas(), that of requests in cores, by either name',
    cpuQuotas(inNamespace)[0] ?? none,
    `min by (${CL}, k8s_namespace_name) (k8s_resource_quota_hard_limit{${inN}, resource="requests.cpu"} / 1000 or k8s_resource_quota_hard_limit{${inN}, resource="cpu"})`,
  ],
  [
    'memoryQuotas(), that of requests by either name',
    memoryQuotas(inNamespace)[0] ?? none,
    `min by (${CL}, k8s_namespace_name) (k8s_resource_quota_hard_limit{${inN}, resource=~"requests.memory|memory"})`,
  ],
  [
    'memoryQuotas(), that of limits in bytes',
    memoryQuotas(inNamespace)[1] ?? none,
    `min by (${CL}, k8s_namespace_name) (k8s_resource_quota_hard_limit{${inN}, resource="limits.memory"})`,
  ],
  ['up()', up('etcd'), `sum by (${CL}) (up{${inC}, job="etcd"})`],
  [
    'rate() of a control plane component',
    rate('workqueue_adds_total', 'apiserver', ['instance', 'name']),
    `sum by (instance, name) (rate(workqueue_adds_total{${inC}, job="apiserver", instance=~"$instance"}[$__rate_interval]))`,
  ],
  [
    'quantile()',
    quantile('workqueue_queue_duration_seconds', 'kube-scheduler', ['name']),
    `histogram_quantile(0.99, sum by (name, le) (rate(workqueue_queue_duration_seconds_bucket{${inC}, job="kube-scheduler", instance=~"$instance"}[$__rate_interval])))`,
  ],
  [
    'apiRequestLatency()',
    apiRequestLatency('kube-scheduler', 'POST'),
    `histogram_quantile(0.99, sum by (instance, le) (rate(rest_client_request_duration_seconds_bucket{${inC}, job="kube-scheduler", instance=~"$instance", verb="POST"}[$__rate_interval])))`,
  ],
  ['availability()', availability('read'), `apiserver_request:availability1h{${inC}, verb="read"}`],
  [
    'errorBudget() as a share',
    errorBudget(),
    `(apiserver_request:availability1h{${inC}, verb="all"} - 0.99) / (1 - 0.99)`,
  ],
  [
    'databaseUtilisation',
    databaseUtilisation,
    `etcd_mvcc_db_total_size_in_bytes{${inC}, job="etcd", instance=~"$instance"} / etcd_server_quota_backend_bytes{${inC}, job="etcd", instance=~"$instance"}`,
  ],
  [
    'requestRate of server spans',
    services.requestRate,
    `sum by (${SERVICE}) (rate(traces_span_metrics_calls_total{${inS}, ${served}}[$__rate_interval]))`,
  ],
  [
    'errorShare, 0 without errors',
    services.errorShare,
    `(sum by (${SERVICE}) (rate(traces_span_metrics_calls_total{${inS}, ${served}, status_code="STATUS_CODE_ERROR"}[$__rate_interval])) or 0 * ${services.requestRate.expr}) / ${services.requestRate.expr}`,
  ],
  [
    'durationQuantile()',
    services.durationQuantile(0.95),
    `histogram_quantile(0.95, sum by (${SERVICE}, le) (rate(traces_span_metrics_duration_seconds_bucket{${inS}, ${served}}[$__rate_interval])))`,
  ],
  [
    'meanDuration as the quotient of the sums',
    services.meanDuration,
    `sum by (${SERVICE}) (rate(traces_span_metrics_duration_seconds_sum{${inS}, ${served}}[$__rate_interval])) / sum by (${SERVICE}) (rate(traces_span_metrics_duration_seconds_count{${inS}, ${served}}[$__rate_interval]))`,
  ],
  [
    'callRate of client spans',
    services.callRate,
    `sum by (${SERVICE}, span_name) (rate(traces_span_metrics_calls_total{${inS}, span_kind="SPAN_KIND_CLIENT"}[$__rate_interval]))`,
  ],
  [
    'servicePods of the workload with the name of the service',
    services.servicePods,
    `sum by (${SERVICE}) (label_replace(count by (${CL}, k8s_namespace_name, workload) (group by (${POD}) (k8s_pod_phase{${inN}} == 2) ${ownerOf(`${inN}, workload=~"$service"`)}), "service_name", "$1", "workload", "(.+)"))`,
  ],
  [
    'podUsageByKwok() with the labels of OpenTelemetry',
    kwokMetrics.podUsageByKwok('memory'),
    `sum by (${POD}) (label_replace(label_replace(kwok_pod_memory_working_set_bytes{${inC}, k8s_node_name=~"$node", namespace=~"$namespace"}, "k8s_namespace_name", "$1", "namespace", "(.+)"), "k8s_pod_name", "$1", "pod", "(.+)"))`,
  ],
  [
    'podUsageByOtel() of the same pods',
    kwokMetrics.podUsageByOtel('cpu'),
    `sum by (${POD}) (rate(container_cpu_time_seconds_total{${inN}, k8s_node_name=~"$node"}[$__rate_interval]))`,
  ],
  [
    'podUsageAgreement() where KWOK has a value',
    kwokMetrics.podUsageAgreement('cpu'),
    `(${kwokMetrics.podUsageByKwok('cpu').expr} > 0) / ${kwokMetrics.podUsageByOtel('cpu').expr}`,
  ],
  [
    'sentSpans by exporter',
    traces.sentSpans,
    `sum by (exporter) (rate(otelcol_exporter_sent_spans_total{${inC}}[$__rate_interval]))`,
  ],
  [
    'the mean of a histogram of pods',
    custom.meanRequestDuration,
    `sum by (${CL}, namespace, app) (rate(lab_pod_request_duration_seconds_sum{${inKwokPod}}[$__rate_interval])) / sum by (${CL}, namespace, app) (rate(lab_pod_request_duration_seconds_count{${inKwokPod}}[$__rate_interval]))`,
  ],
  [
    'autoscaledReplicas()',
    autoscaledReplicas(perPod.scope)[1] ?? none,
    `max by (${CL}, k8s_namespace_name, k8s_hpa_name) (k8s_hpa_desired_replicas{${inN}})`,
  ],
]

const queries = suite('queries')
for (const [call, { expr }, text] of table) queries(call, () => assert.equal(expr, text))

queries('of volumes join capacity and use by claim', () => {
  const of = (metric: string) =>
    `max by (${CL}, k8s_namespace_name, k8s_persistentvolumeclaim_name) (${metric}{${inN}, k8s_persistentvolumeclaim_name=~"$volume"})`
  const [capacity, available] = [of('k8s_volume_capacity_bytes'), of('k8s_volume_available_bytes')]
  assert.equal(volumeUtilisation.expr, `(${capacity} - ${available}) / ${capacity}`)
  assert.equal(inodesUtilisation.expr, `${of('k8s_volume_inodes_used_ratio')} / ${of('k8s_volume_inodes_ratio')}`)
})

queries('have a truth', () => {
  const by = perPod.by
  assert.deepEqual(cpu.cpuUsage(perPod).truth, { of: 'cpu-usage', by })
  assert.deepEqual(cpu.cpuUsageOverLimits(perPod).truth, { of: 'cpu-usage', over: 'cpu-limits', by })
  assert.deepEqual(nodes.nodeCpuUtilisation({ ...wholeCluster, by: ['node'] }).truth, {
    ...{ of: 'cpu-usage', over: 'cpu-allocatable', by: ['node'], withSystem: true },
  })
  assert.deepEqual(network.averageBandwidth('receive', perPod).truth, {
    ...{ of: 'network-receive', over: 'networked-pods', by },
  })
})

queries('of traces and of KWOK have a truth', () => {
  assert.deepEqual(services.servicePods.truth, { of: 'running-pods', by: ['cluster', 'namespace', 'service'] })
  assert.deepEqual(kwokMetrics.servedNodes.truth, { of: 'nodes', by: ['cluster'] })
  // KWOK has no usage for pods without a usage object and annotation, so its value is a quantity of its own.
  assert.equal(kwokMetrics.podUsageByKwok('cpu').truth?.of, 'kwok-cpu-usage')
  assert.deepEqual(kwokMetrics.podUsageByOtel('cpu').truth, { of: 'cpu-usage', by: ['cluster', 'namespace', 'pod'] })
})

queries('of cAdvisor have a prerequisite, and others have none', () => {
  assert.deepEqual(memory.memorySwap(perPod).prerequisites, ['cadvisor'])
  assert.equal(memory.memoryRss(perPod).prerequisites, undefined)
})
queries.run()

const quotients = suite('quotient()')
quotients('divides one query by another, with a truth only if both have one', () => {
  const a: Query = { expr: 'a', legend: 'x', truth: { of: 'cpu-usage', by: ['pod'], withSystem: true } }
  const b: Query = { expr: 'b', legend: 'y', truth: { of: 'cpu-limits', by: ['pod'] } }
  assert.deepEqual(quotient(a, b), {
    expr: 'a / b',
    legend: 'x',
    truth: { of: 'cpu-usage', over: 'cpu-limits', by: ['pod'], withSystem: true },
  })
  assert.deepEqual(quotient(a, { expr: 'b' }), { expr: 'a / b', legend: 'x' })
})
quotients.run()

const matchers = suite('selected()')
matchers("has no format, so that Grafana's Prometheus datasource escapes the values", () => {
  assert.equal(selected('instance', 'instance'), 'instance=~"$instance"')
})
matchers.run()
