import { createExposition, labelText } from './exposition.ts'
import type { MeasuredNode } from './node-measurement.ts'

/** Names, order and help texts of k8s.io/kubernetes v1.36. */
const resourceHelp = {
  container_cpu_usage_seconds_total: '[STABLE] Cumulative cpu time consumed by the container in core-seconds',
  container_memory_working_set_bytes: '[STABLE] Current working set of the container in bytes',
  container_start_time_seconds: '[STABLE] Start time of the container since unix epoch in seconds',
  container_swap_usage_bytes:
    '[ALPHA] Current amount of the container swap usage in bytes. Reported only on non-windows systems',
  node_cpu_usage_seconds_total: '[STABLE] Cumulative cpu time consumed by the node in core-seconds',
  node_memory_working_set_bytes: '[STABLE] Current working set of the node in bytes',
  node_swap_usage_bytes: '[ALPHA] Current swap usage of the node in bytes. Reported only on non-windows systems',
  pod_cpu_usage_seconds_total: '[STABLE] Cumulative cpu time consumed by the pod in core-seconds',
  pod_memory_working_set_bytes: '[STABLE] Current working set of the pod in bytes',
  pod_swap_usage_bytes: '[ALPHA] Current amount of the pod swap usage in bytes. Reported only on non-windows systems',
  resource_scrape_error: '[STABLE] 1 if there was an error while getting container metrics, 0 otherwise',
}

/** A node's metrics as a kubelet serves them at `/metrics/resource`. */
export function resourceMetricsText({ nowMs, pods, total }: MeasuredNode): string {
  const { families, text } = createExposition(resourceHelp)
  for (const pod of pods) {
    const { facts, meter } = pod
    facts.containers.forEach((container, index) => {
      const sample = pod.containers[index]
      if (!container.running || sample === undefined) return
      const labels = labelText({ container: container.name, namespace: facts.namespace, pod: facts.name })
      families.container_cpu_usage_seconds_total(labels, sample.usageCoreNanoSeconds / 1e9, nowMs)
      families.container_memory_working_set_bytes(labels, sample.workingSetBytes, nowMs)
      families.container_start_time_seconds(labels, Math.min(container.startedMs ?? meter.startMs, nowMs) / 1_000)
      families.container_swap_usage_bytes(labels, 0, nowMs)
    })
    const labels = labelText({ namespace: facts.namespace, pod: facts.name })
    families.pod_cpu_usage_seconds_total(labels, pod.total.usageCoreNanoSeconds / 1e9, nowMs)
    families.pod_memory_working_set_bytes(labels, pod.total.workingSetBytes, nowMs)
    families.pod_swap_usage_bytes(labels, 0, nowMs)
  }
  families.node_cpu_usage_seconds_total(undefined, total.usageCoreNanoSeconds / 1e9, nowMs)
  families.node_memory_working_set_bytes(undefined, total.workingSetBytes, nowMs)
  families.node_swap_usage_bytes(undefined, 0, nowMs)
  families.resource_scrape_error(undefined, 0)
  return text()
}
