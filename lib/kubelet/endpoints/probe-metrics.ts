import { createExposition, labelText } from './exposition.ts'
import type { MeasuredNode } from './node-measurement.ts'

/**
 * What a kubelet serves at `/metrics/probes`: how often each probe of each running container was made, always with success.
 * A startup probe is made once and then no more. As the other counters of a pod they go on when a container starts anew.
 */
export function probeMetricsText({ pods, nowMs, startMs }: MeasuredNode): string {
  const exposition = createExposition()
  const start = exposition.family(
    'process_start_time_seconds',
    'gauge',
    '[ALPHA] Start time of the process since unix epoch in seconds.',
  )
  const probes = exposition.family(
    'prober_probe_total',
    'counter',
    '[BETA] Cumulative number of a liveness, readiness or startup probe for a container by result.',
  )
  start(undefined, startMs / 1_000)
  for (const { facts, meter } of pods) {
    for (const { name, running, probes: own = [] } of facts.containers) {
      if (!running) continue
      for (const { type, periodS } of own) {
        const made = 1 + Math.floor(Math.max(0, nowMs - meter.startMs) / 1_000 / periodS)
        const labels = labelText({
          container: name,
          namespace: facts.namespace,
          pod: facts.name,
          pod_uid: facts.uid,
          probe_type: type,
          result: 'successful',
        })
        probes(labels, type === 'Startup' ? 1 : made)
      }
    }
  }
  return exposition.text()
}
