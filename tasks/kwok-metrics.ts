/**
 * Makes KWOK serve metrics for every node: those of a kubelet's /metrics/resource, and those of the Metric objects in
 * kwok-config/kwok-metrics.yaml or in METRICS_FILE. Ends when Prometheus has them, each with its node. Refuses a metric that KWOK can't
 * compute, and keeps the previous metrics then.
 *
 *   tsx tasks/kwok-metrics.ts
 *   tsx tasks/kwok-metrics.ts --metrics-file my-metrics.yaml
 */
import { join, resolve } from 'node:path'
import { LabError } from '../lib/cli/errors.ts'
import { metricManifest, readMetrics } from '../lib/kwok/metric-objects.ts'
import { waitUntilInPrometheus } from '../lib/kwok/metrics-arrival.ts'
import {
  applyMetrics,
  coverAllNamespaces,
  readServed,
  requireNoOtherMetrics,
  tryMetrics,
} from '../lib/kwok/metrics-served.ts'
import { labNodeNames } from '../lib/kwok/nodes.ts'
import { projectDir } from '../lib/lab/lab.ts'
import { print, runClusterTask, say } from '../lib/lab/task.ts'

const about = 'Makes KWOK serve resource metrics and custom metrics, and waits until Prometheus has them.'

await runClusterTask({ about, settings: ['metricsFile'], changesLab: true }, async ({ lab }) => {
  const file = resolve(projectDir, lab.settings.metricsFile)
  const resourceMetrics = readMetrics(join(projectDir, 'kwok-config', 'kwok-resource-metrics.yaml'))
  const metrics = [...resourceMetrics, ...readMetrics(file)]
  const manifest = metricManifest(metrics)
  await requireNoOtherMetrics(lab)
  await coverAllNamespaces(lab)
  const nodes = await labNodeNames(lab)
  say(`Trying ${metrics.length} metrics on ${nodes.length} nodes`)
  const [failure] = await tryMetrics(lab, manifest, nodes)
  if (failure !== undefined) {
    throw new LabError(`KWOK can't serve the metric ${failure.metric}`, {
      why: failure.why,
      next: `fix it in ${file}; KWOK still serves the metrics of before`,
    })
  }
  await applyMetrics(lab, manifest)
  const { served } = await readServed(lab, manifest, nodes)
  await waitUntilInPrometheus(lab, manifest, served)
  print(`KWOK serves ${metrics.length} metrics for ${served.size} nodes, and Prometheus has them`)
})
