import { createExposition, labelText } from './exposition.ts'
import metricHelp from './metric-help.json' with { type: 'json' }
import type { MeasuredNode } from './node-measurement.ts'

/** A node's metrics as a kubelet serves them at `/metrics/resource`. */
export function resourceMetricsText({ nowMs, pods, total }: MeasuredNode): string {
  const { families, text } = createExposition(metricHelp.resource)
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
