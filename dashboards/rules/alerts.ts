import { SLO_TARGET, SLO_WINDOW } from '../queries/apiserver.ts'
import { POD } from '../queries/scope.ts'
import type { AlertRule, RuleGroup } from './rule.ts'

const NODE = 'k8s_cluster_name, k8s_node_name'
const CONTAINER = `${POD}, k8s_container_name`

/** Alerts of nodes, pods and workloads. */
export function clusterAlerts(): RuleGroup {
  return {
    name: 'cluster-alerts',
    rules: [
      {
        alert: 'KubeNodeNotReady',
        expr: `max by (${NODE}) (k8s_node_condition_ready) != 1`,
        for: '2m',
        severity: 'warning',
        summary: 'Node {{ $labels.k8s_node_name }} is not ready',
        description:
          'The Ready condition of {{ $labels.k8s_node_name }} has been false or unknown for two minutes; its pods will be evicted.',
        runbook:
          'kubectl describe node {{ $labels.k8s_node_name }}: read the conditions and the last heartbeat; on a KWOK lab look at the kwok-controller.',
      },
      {
        alert: 'KubeNodeUnderPressure',
        expr: `max by (${NODE}, condition) (${pressure()}) == 1`,
        for: '2m',
        severity: 'warning',
        summary: '{{ $labels.condition }} on node {{ $labels.k8s_node_name }}',
        description:
          '{{ $labels.k8s_node_name }} reports {{ $labels.condition }}: its kubelet evicts pods or takes no more of them.',
        runbook:
          'Open "Nodes / Health and conditions" for that node, find what fills it under "Node (Pods)", and move or limit it.',
      },
      {
        alert: 'KubePodStuckPending',
        expr: `max by (${POD}) (k8s_pod_phase) == 1`,
        for: '5m',
        severity: 'warning',
        summary: 'Pod {{ $labels.k8s_namespace_name }}/{{ $labels.k8s_pod_name }} does not start',
        description:
          '{{ $labels.k8s_namespace_name }}/{{ $labels.k8s_pod_name }} has been Pending for five minutes: no node fits it, or its containers do not come up.',
        runbook:
          'kubectl -n {{ $labels.k8s_namespace_name }} describe pod {{ $labels.k8s_pod_name }}: its events say what it waits for.',
      },
      {
        alert: 'KubePodFailed',
        expr: `max by (${POD}) (k8s_pod_phase) == 4`,
        for: '1m',
        severity: 'info',
        summary: 'Pod {{ $labels.k8s_namespace_name }}/{{ $labels.k8s_pod_name }} failed',
        description:
          '{{ $labels.k8s_namespace_name }}/{{ $labels.k8s_pod_name }} ended with an error and is kept as Failed.',
        runbook:
          'kubectl -n {{ $labels.k8s_namespace_name }} logs {{ $labels.k8s_pod_name }}, then delete the pod once the cause is known.',
      },
      {
        alert: 'KubeContainerRestarting',
        expr: `max by (${CONTAINER}) (delta(k8s_container_restarts[10m])) > 2`,
        for: '1m',
        severity: 'warning',
        summary:
          'Container {{ $labels.k8s_container_name }} of {{ $labels.k8s_namespace_name }}/{{ $labels.k8s_pod_name }} restarts again and again',
        description: 'It was started {{ $value | humanize }} more times within ten minutes.',
        runbook:
          'kubectl -n {{ $labels.k8s_namespace_name }} logs --previous {{ $labels.k8s_pod_name }} -c {{ $labels.k8s_container_name }}; compare its memory with its limit.',
      },
      {
        alert: 'KubeDeploymentReplicasMissing',
        expr: 'k8s_deployment_available < k8s_deployment_desired',
        for: '5m',
        severity: 'warning',
        summary: 'Deployment {{ $labels.k8s_namespace_name }}/{{ $labels.k8s_deployment_name }} lacks replicas',
        description: 'Only {{ $value }} of its replicas have been available for five minutes.',
        runbook:
          'kubectl -n {{ $labels.k8s_namespace_name }} describe deployment {{ $labels.k8s_deployment_name }}; look for Pending pods and a full quota.',
      },
      {
        alert: 'KubeJobFailed',
        expr: 'k8s_job_failed_pods > 0',
        for: '1m',
        severity: 'info',
        summary: 'Job {{ $labels.k8s_namespace_name }}/{{ $labels.k8s_job_name }} has failed pods',
        description: '{{ $value }} pods of {{ $labels.k8s_namespace_name }}/{{ $labels.k8s_job_name }} failed.',
        runbook:
          'kubectl -n {{ $labels.k8s_namespace_name }} logs job/{{ $labels.k8s_job_name }}; remove the Job when it is understood.',
      },
      {
        alert: 'KubeHpaMaxedOut',
        expr: 'k8s_hpa_current_replicas >= k8s_hpa_max_replicas and k8s_hpa_max_replicas > k8s_hpa_min_replicas',
        for: '10m',
        severity: 'warning',
        summary: 'Autoscaler {{ $labels.k8s_namespace_name }}/{{ $labels.k8s_hpa_name }} is at its maximum',
        description: 'It has had {{ $value }} replicas, its maximum, for ten minutes.',
        runbook:
          'kubectl -n {{ $labels.k8s_namespace_name }} describe hpa {{ $labels.k8s_hpa_name }}: raise maxReplicas, or find out why the load stays.',
      },
    ],
  }
}

/** Alerts of resources that run out. */
export function capacityAlerts(): RuleGroup {
  return {
    name: 'capacity-alerts',
    rules: [
      overcommit('CPU', 'namespace_cpu:k8s_container_cpu_request:sum', 'k8s_node_allocatable_cpu'),
      overcommit(
        'Memory',
        'namespace_memory:k8s_container_memory_request_bytes:sum',
        'k8s_node_allocatable_memory_bytes',
      ),
      {
        alert: 'KubeQuotaNearlyFull',
        expr: 'k8s_resource_quota_used / (k8s_resource_quota_hard_limit > 0) > 0.9',
        for: '5m',
        severity: 'info',
        summary: 'Quota of {{ $labels.resource }} in {{ $labels.k8s_namespace_name }} is nearly full',
        description:
          '{{ $labels.k8s_resourcequota_name }} in {{ $labels.k8s_namespace_name }} is used to {{ $value | humanizePercentage }}; beyond it new pods are refused.',
        runbook:
          'kubectl -n {{ $labels.k8s_namespace_name }} describe quota; raise it or lower what the namespace asks for.',
      },
      {
        alert: 'KubeVolumeFillingUp',
        expr: 'max by (k8s_cluster_name, k8s_namespace_name, k8s_persistentvolumeclaim_name) (k8s_volume_available_bytes{k8s_persistentvolumeclaim_name!=""} / k8s_volume_capacity_bytes{k8s_persistentvolumeclaim_name!=""}) < 0.1',
        for: '2m',
        severity: 'warning',
        summary:
          'Volume of claim {{ $labels.k8s_namespace_name }}/{{ $labels.k8s_persistentvolumeclaim_name }} is nearly full',
        description: 'Only {{ $value | humanizePercentage }} of its space is free.',
        runbook:
          'Open "Persistent Volumes" for that claim; delete data or grow the claim, if its storage class allows it.',
      },
      {
        alert: 'KubeCPUThrottlingHigh',
        expr: `sum by (${CONTAINER}) (rate(container_cpu_cfs_throttled_periods_total[5m])) / sum by (${CONTAINER}) (rate(container_cpu_cfs_periods_total[5m])) > 0.25`,
        for: '10m',
        severity: 'info',
        summary:
          'Container {{ $labels.k8s_container_name }} of {{ $labels.k8s_namespace_name }}/{{ $labels.k8s_pod_name }} is throttled at its CPU limit',
        description: 'It was throttled in {{ $value | humanizePercentage }} of its periods.',
        runbook: 'Open "Compute Resources / Pod" for it; raise the CPU limit, or add replicas.',
      },
    ],
  }
}

/** Alerts of the control plane and of the monitoring. While these fire, other alerts and panels may have no data. */
export function measuringAlerts(): RuleGroup {
  return {
    name: 'measuring-alerts',
    rules: [
      {
        alert: 'KubeControlPlaneDown',
        expr: 'up{job=~"etcd|kube-apiserver|kube-controller-manager|kube-scheduler|kwok-controller"} == 0',
        for: '1m',
        severity: 'critical',
        summary: '{{ $labels.job }} does not answer',
        description: '{{ $labels.job }} at {{ $labels.instance }} has not answered a scrape for a minute.',
        runbook: 'kwokctl get components, then its log; make kwok starts it again.',
      },
      {
        alert: 'StatsProxyDown',
        expr: 'up{job="stats-proxy"} == 0',
        for: '1m',
        severity: 'critical',
        summary: 'The stats proxy does not answer',
        description:
          'Without it no simulated node or pod has usage, and CPU and memory panels become empty within the look-back.',
        runbook: 'make kwok-status names its log; make kwok-stats-proxy starts it again.',
      },
      {
        alert: 'MetricsServerDown',
        expr: 'up{job="metrics-server"} == 0',
        for: '1m',
        severity: 'warning',
        summary: 'metrics-server does not answer',
        description: 'Without it kubectl top has no values, and autoscalers do not scale.',
        runbook: 'make kwok-status names its log; make kwok-metrics-server starts it again.',
      },
      {
        alert: 'KwokMetricsFailing',
        expr: `max by (${NODE}) (kwok_scrape_error) > 0`,
        for: '1m',
        severity: 'warning',
        summary: 'KWOK cannot make the metrics of node {{ $labels.k8s_node_name }}',
        description: 'Its page of resource metrics lacks something, so KWOK and the collector disagree.',
        runbook:
          "Look for the node in kwok-controller's log; make kwok-metrics says what is wrong with a Metric object.",
      },
      {
        alert: 'TargetsDown',
        expr: 'count by (k8s_cluster_name, job) (up == 0) / count by (k8s_cluster_name, job) (up) > 0.1',
        for: '2m',
        severity: 'warning',
        summary: '{{ $value | humanizePercentage }} of the targets of {{ $labels.job }} are down',
        description:
          'More than a tenth of the targets of {{ $labels.job }} have not answered a scrape for two minutes.',
        runbook: "Prometheus's own page /targets says what each target answered.",
      },
      {
        alert: 'CollectorSilent',
        expr: 'absent(otelcol_process_uptime_seconds_total)',
        for: '1m',
        severity: 'critical',
        summary: 'No collector reports',
        description:
          "The OpenTelemetry Collector's own metrics have stopped, and with them most likely all that it collects.",
        runbook: "make kwok-status names the collector's log; make kwok-collector starts it again.",
      },
      {
        alert: 'CollectorNotDelivering',
        expr: 'sum by (exporter) (rate(otelcol_exporter_send_failed_metric_points_total[5m])) > 0',
        for: '2m',
        severity: 'warning',
        summary: 'The collector cannot deliver through {{ $labels.exporter }}',
        description: '{{ $value | humanize }} points per second are dropped.',
        runbook: 'Look whether Prometheus answers and has free disk space; the log of the collector has the error.',
      },
      {
        alert: 'NodeWithoutUsage',
        expr: `max by (${NODE}) (k8s_node_condition_ready == 1) unless on (${NODE}) k8s_node_memory_working_set_bytes`,
        for: '2m',
        severity: 'warning',
        summary: 'No usage of node {{ $labels.k8s_node_name }}',
        description: '{{ $labels.k8s_node_name }} is ready, but its kubelet has given no usage for two minutes.',
        runbook:
          'Look for kubelet_stats/{{ $labels.k8s_node_name }} in the log of the collector; make kwok-collector writes its configuration again.',
      },
      {
        alert: 'KubeAPIErrorBudgetSpent',
        expr: `apiserver_request:availability${SLO_WINDOW}{verb="all"} < ${SLO_TARGET}`,
        for: '5m',
        severity: 'warning',
        summary: 'The API server answers too many requests late or not at all',
        description: `Of the requests of the last ${SLO_WINDOW} only {{ $value | humanizePercentage }} were good.`,
        runbook: 'Open "API server": errors and durations by resource, then etcd\'s disk.',
      },
    ],
  }
}

/** Requests that do not fit without the largest node. */
function overcommit(what: 'CPU' | 'Memory', requests: string, allocatable: string): AlertRule {
  const by = 'k8s_cluster_name'
  const rest = `sum by (${by}) (${allocatable}) - max by (${by}) (${allocatable})`
  return {
    alert: `Kube${what}Overcommit`,
    // A single node has no spare.
    expr: `sum by (${by}) (${requests}) - (${rest}) > 0 and (${rest}) > 0`,
    for: '5m',
    severity: 'warning',
    summary: `${what} requests of {{ $labels.k8s_cluster_name }} do not fit without the largest node`,
    description: `Requests exceed the rest by {{ $value | humanize${what === 'Memory' ? '1024' : ''} }} without the largest node.`,
    runbook: 'Open "Compute Resources / Cluster"; add a node, or lower the requests of the largest namespaces.',
  }
}

function pressure(): string {
  const kinds = { MemoryPressure: 'memory_pressure', DiskPressure: 'disk_pressure', PIDPressure: 'pid_pressure' }
  return Object.entries(kinds)
    .map(([name, metric]) => `label_replace(k8s_node_condition_${metric}, "condition", "${name}", "", "")`)
    .join(' or ')
}
