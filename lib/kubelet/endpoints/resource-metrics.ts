import { createExposition, type FamilyTable, labelText } from './exposition.ts'
import type { MeasuredNode } from './node-measurement.ts'

/** Names, order and help texts of k8s.io/kubernetes v1.36. */
const resourceFamilies = {
  containerCpu: [
    'container_cpu_usage_seconds_total',
    'counter',
    '[STABLE] Cumulative cpu time consumed by the container in core-seconds',
  ],
  containerMemory: [
    'container_memory_working_set_bytes',
    'gauge',
    '[STABLE] Current working set of the container in bytes',
  ],
  containerStart: [
    'container_start_time_seconds',
    'gauge',
    '[STABLE] Start time of the container since unix epoch in seconds',
  ],
  containerSwap: [
    'container_swap_usage_bytes',
    'gauge',
    '[ALPHA] Current amount of the container swap usage in bytes. Reported only on non-windows systems',
  ],
  nodeCpu: [
    'node_cpu_usage_seconds_total',
    'counter',
    '[STABLE] Cumulative cpu time consumed by the node in core-seconds',
  ],
  nodeMemory: ['node_memory_working_set_bytes', 'gauge', '[STABLE] Current working set of the node in bytes'],
  nodeSwap: [
    'node_swap_usage_bytes',
    'gauge',
    '[ALPHA] Current swap usage of the node in bytes. Reported only on non-windows systems',
  ],
  podCpu: [
    'pod_cpu_usage_seconds_total',
    'counter',
    '[STABLE] Cumulative cpu time consumed by the pod in core-seconds',
  ],
  podMemory: ['pod_memory_working_set_bytes', 'gauge', '[STABLE] Current working set of the pod in bytes'],
  podSwap: [
    'pod_swap_usage_bytes',
    'gauge',
    '[ALPHA] Current amount of the pod swap usage in bytes. Reported only on non-windows systems',
  ],
  scrapeError: [
    'resource_scrape_error',
    'gauge',
    '[STABLE] 1 if there was an error while getting container metrics, 0 otherwise',
  ],
} as const satisfies FamilyTable

/** A node's metrics as a kubelet serves them at `/metrics/resource`. */
export function resourceMetricsText({ nowMs, pods, total }: MeasuredNode): string {
  const { families, text } = createExposition(resourceFamilies)
  for (const pod of pods) {
    const { facts, meter } = pod
    facts.containers.forEach((container, index) => {
      const sample = pod.containers[index]
      if (!container.running || sample === undefined) return
      const labels = labelText({ container: container.name, namespace: facts.namespace, pod: facts.name })
      families.containerCpu(labels, sample.usageCoreNanoSeconds / 1e9, nowMs)
      families.containerMemory(labels, sample.workingSetBytes, nowMs)
      families.containerStart(labels, Math.min(container.startedMs ?? meter.startMs, nowMs) / 1_000)
      families.containerSwap(labels, 0, nowMs)
    })
    const labels = labelText({ namespace: facts.namespace, pod: facts.name })
    families.podCpu(labels, pod.total.usageCoreNanoSeconds / 1e9, nowMs)
    families.podMemory(labels, pod.total.workingSetBytes, nowMs)
    families.podSwap(labels, 0, nowMs)
  }
  families.nodeCpu(undefined, total.usageCoreNanoSeconds / 1e9, nowMs)
  families.nodeMemory(undefined, total.workingSetBytes, nowMs)
  families.nodeSwap(undefined, 0, nowMs)
  families.scrapeError(undefined, 0)
  return text()
}
