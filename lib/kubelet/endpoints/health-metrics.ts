import { createExposition, labelText } from './exposition.ts'
import type { MeasuredNode } from './node-measurement.ts'

const healthHelp = {
  kubernetes_healthcheck: '[STABLE] This metric records the result of a single healthcheck.',
  kubernetes_healthchecks_total: '[STABLE] This metric records the results of all healthcheck.',
  process_start_time_seconds: '[ALPHA] Start time of the process since unix epoch in seconds.',
}

/** The checks of a kubelet v1.37 (pkg/kubelet/server, pkg/kubelet/cm). */
const CHECKS = ['device-plugin', 'log', 'ping', 'syncloop']
const PERIOD_MS = 10_000

/** A node's metrics as a kubelet serves them at `/metrics/slis`, for a kubelet whose `/healthz` is requested every 10 s. */
export function healthMetricsText({ nowMs, startMs }: MeasuredNode): string {
  const { families, text } = createExposition(healthHelp)
  const count = 1 + Math.floor((nowMs - startMs) / PERIOD_MS)
  for (const name of CHECKS) {
    families.kubernetes_healthcheck(labelText({ name, type: 'healthz' }), 1)
    families.kubernetes_healthchecks_total(labelText({ name, status: 'success', type: 'healthz' }), count)
  }
  families.process_start_time_seconds(undefined, startMs / 1_000)
  return text()
}
