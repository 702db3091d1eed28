import { createExposition, labelText } from './exposition.ts'
import type { MeasuredNode } from './node-measurement.ts'

/** What a kubelet serves at `/metrics/resource`: names, labels, help and time stamps as k8s.io/kubernetes v1.36 gives them. */
export function resourceMetricsText({ nowMs, pods, total }: MeasuredNode): string {
  const exposition = createExposition()
  const containerCpu = exposition.family(
    'container_cpu_usage_seconds_total',
    'counter',
    '[STABLE] Cumulative cpu time consumed by the container in core-seconds',
  )
  const containerMemory = exposition.family(
    'container_memory_working_set_bytes',
    'gauge',
    '[STABLE] Current working set of the container in bytes',
  )
  const containerStart = exposition.family(
    'container_start_time_seconds',
    'gauge',
    '[STABLE] Start time of the container since unix epoch in seconds',
  )
  const containerSwap = exposition.family(
    'container_swap_usage_bytes',
    'gauge',
    '[ALPHA] Current amount of the container swap usage in bytes. Reported only on non-windows systems',
  )
  const nodeCpu = exposition.family(
    'node_cpu_usage_seconds_total',
    'counter',
    '[STABLE] Cumulative cpu time consumed by the node in core-seconds',
  )
  const nodeMemory = exposition.family(
    'node_memory_working_set_bytes',
    'gauge',
    '[STABLE] Current working set of the node in bytes',
  )
  const nodeSwap = exposition.family(
    'node_swap_usage_bytes',
    'gauge',
    '[ALPHA] Current swap usage of the node in bytes. Reported only on non-windows systems',
  )
  const podCpu = exposition.family(
    'pod_cpu_usage_seconds_total',
    'counter',
    '[STABLE] Cumulative cpu time consumed by the pod in core-seconds',
  )
  const podMemory = exposition.family(
    'pod_memory_working_set_bytes',
    'gauge',
    '[STABLE] Current working set of the pod in bytes',
  )
  const podSwap = exposition.family(
    'pod_swap_usage_bytes',
    'gauge',
    '[ALPHA] Current amount of the pod swap usage in bytes. Reported only on non-windows systems',
  )
  const scrapeError = exposition.family(
    'resource_scrape_error',
    'gauge',
    '[STABLE] 1 if there was an error while getting container metrics, 0 otherwise',
  )
  for (const pod of pods) {
    const { facts, meter } = pod
    facts.containers.forEach((container, index) => {
      const sample = pod.containers[index]
      if (!container.running || sample === undefined) return
      const labels = labelText({ container: container.name, namespace: facts.namespace, pod: facts.name })
      containerCpu(labels, sample.usageCoreNanoSeconds / 1e9, nowMs)
      containerMemory(labels, sample.workingSetBytes, nowMs)
      containerStart(labels, Math.min(container.startedMs ?? meter.startMs, nowMs) / 1_000)
      containerSwap(labels, 0, nowMs)
    })
    const labels = labelText({ namespace: facts.namespace, pod: facts.name })
    podCpu(labels, pod.total.usageCoreNanoSeconds / 1e9, nowMs)
    podMemory(labels, pod.total.workingSetBytes, nowMs)
    podSwap(labels, 0, nowMs)
  }
  nodeCpu(undefined, total.usageCoreNanoSeconds / 1e9, nowMs)
  nodeMemory(undefined, total.workingSetBytes, nowMs)
  nodeSwap(undefined, 0, nowMs)
  scrapeError(undefined, 0)
  return exposition.text()
}
