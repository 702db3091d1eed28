import { createExposition, labelText } from './exposition.ts'
import metricHelp from './metric-help.json' with { type: 'json' }
import type { MeasuredNode } from './node-measurement.ts'

/** The checks of a kubelet v1.37 (pkg/kubelet/server, pkg/kubelet/cm). */
const CHECKS = ['device-plugin', 'log', 'ping', 'syncloop']
const PERIOD_MS = 10_000

/** A node's metrics as a kubelet serves them at `/metrics/slis`, for a kubelet whose `/healthz` is requested every 10 s. */
export function healthMetricsText({ nowMs, startMs }: MeasuredNode): string {
  const { families, text } = createExposition(metricHelp.slis)
  const count = 1 + Math.floor((nowMs - startMs) / PERIOD_MS)
  for (const name of CHECKS) {
    families.kubernetes_healthcheck(labelText({ name, type: 'healthz' }), 1)
    families.kubernetes_healthchecks_total(labelText({ name, status: 'success', type: 'healthz' }), count)
  }
  families.process_start_time_seconds(undefined, startMs / 1_000)
  return text()
}
