import { requireContext } from '../../k3d/agreement.ts'
import { reachPrometheus } from '../../k3d/port-forward.ts'
import { partStatuses } from '../../kwok/lab-status.ts'
import { requireCluster } from '../../lab/cluster-owner.ts'
import { type Lab, labCommand, statusCommand } from '../../lab/lab.ts'
import { createPrometheusApi, type PrometheusApi } from '../../prometheus/prometheus-client.ts'
import { lookbackMs } from '../../prometheus/prometheus-config.ts'
import { labPrometheus } from '../../services/prometheus.ts'
import { brokenMeasuring } from './broken-measuring.ts'
import { endedSeries } from './ended-series.ts'
import { isJaegerStopped, labTruth } from './lab-truth.ts'
import { rememberVerify } from './last-verify.ts'
import { type VerifyOptions, verify } from './verify.ts'
import type { VerifyReport } from './verify-report.ts'
import { waitForWindow } from './wait-for-window.ts'

/**
 * Connects to the Prometheus of a lab until `close` is called.
 *
 * Throws a LabError when the cluster does not exist.
 */
export async function reachLab(opened: Lab): Promise<{ lab: Lab; api: PrometheusApi; close: () => void }> {
  if (opened.kind === 'context') await requireContext(opened)
  else if (labPrometheus(opened).isLab) requireCluster(opened)
  const { lab, close } = await reachPrometheus(opened)
  const { isLab, url } = labPrometheus(lab)
  const next = isLab ? statusCommand(opened) : 'see whether PROMETHEUS_URL is right, and that Prometheus runs'
  return { lab, api: createPrometheusApi(url, { next }), close }
}

/** The dashboards to verify on a lab, and whether to wait. */
export interface LabVerification
  extends Pick<VerifyOptions, 'api' | 'dashboards' | 'refused' | 'catalog' | 'rules' | 'onProgress'> {
  /** Wait until the series of the lab cover the rate window. */
  waitsForWindow: boolean
  /** Retry what fails while the cluster changes. */
  retries: boolean
}

/**
 * Verifies dashboards on a lab, with expected values from its cluster, and keeps the results for the lab's page. While a scenario keeps the
 * lab from measuring, that is the only failure.
 */
export async function verifyLab(lab: Lab, given: LabVerification): Promise<VerifyReport> {
  if (!labPrometheus(lab).isLab) return await verifyOn(lab, given)
  const report = brokenMeasuring(lab, given.api.url) ?? (await verifyOn(lab, given))
  rememberVerify(lab, report)
  return report
}

async function verifyOn(lab: Lab, { waitsForWindow, retries, ...given }: LabVerification): Promise<VerifyReport> {
  const { collectionInterval: scrapeMs, clusterName } = lab.settings
  const windowMs = 4 * scrapeMs
  const truth = await labTruth(lab, windowMs)
  const isKwokLab = truth !== undefined && lab.kind === 'kwok'
  const ended = isKwokLab ? endedSeries(lab) : []
  const retryMs = retries ? Math.max(windowMs, lookbackMs(scrapeMs)) + 2 * scrapeMs : 0
  const { onProgress: onWaiting = () => {} } = given
  const { url } = given.api
  try {
    const isLong =
      truth === undefined ||
      !waitsForWindow ||
      (await waitForWindow({ url, clusterName, isKwokLab, ended, windowMs, limitMs: 2 * windowMs + 60_000, onWaiting }))
    const stopped = isKwokLab
      ? (await partStatuses(lab)).filter(({ process }) => process === undefined).map(({ name }) => name)
      : []
    const report = await verify({
      ...given,
      commands: { status: statusCommand(lab), rights: labCommand(lab, isKwokLab ? 'kwok' : 'in-cluster') },
      stopped,
      ended,
      scrapeMs,
      truth,
      metrics: isKwokLab ? lab.settings.metrics : undefined,
      retryMs,
    })
    const notes = [
      ...(isLong ? [] : ['Some series are still shorter than the rate window; their numbers may be too low']),
      ...(isKwokLab && isJaegerStopped(lab)
        ? ['A scenario has stopped Jaeger, so calls of services are not compared']
        : []),
    ]
    return { ...report, notes: [...notes, ...report.notes] }
  } finally {
    truth?.close()
  }
}
