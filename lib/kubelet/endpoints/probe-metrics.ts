import { createExposition, labelText } from './exposition.ts'
import metricHelp from './metric-help.json' with { type: 'json' }
import type { MeasuredNode } from './node-measurement.ts'

/**
 * A node's metrics as a kubelet serves them at `/metrics/probes`: the number of probes of each running container. All probes
 * succeed. A startup probe runs once. The counters continue when a container restarts.
 */
export function probeMetricsText({ pods, nowMs, startMs }: MeasuredNode): string {
  const { families, text } = createExposition(metricHelp.probes)
  families.process_start_time_seconds(undefined, startMs / 1_000)
  for (const { facts, meter } of pods) {
    for (const { name, running, probes = [] } of facts.containers) {
      if (!running) continue
      for (const { type, periodS } of probes) {
        const count = 1 + Math.floor(Math.max(0, nowMs - meter.startMs) / 1_000 / periodS)
        const labels = labelText({
          container: name,
          namespace: facts.namespace,
          pod: facts.name,
          pod_uid: facts.uid,
          probe_type: type,
          result: 'successful',
        })
        families.prober_probe_total(labels, type === 'Startup' ? 1 : count)
      }
    }
  }
  return text()
}
