/**
 * Applies Metric objects, with which KWOK serves metrics for every node: those of a kubelet's /metrics/resource, and those of
 * kwok-config/kwok-metrics.yaml or a file of yours. Ends when Prometheus has them, each with its node. When KWOK cannot serve a metric,
 * the task fails and the metrics of before stay.
 *
 *   tsx tasks/kwok-metrics.ts
 *   tsx tasks/kwok-metrics.ts --metrics-file my-metrics.yaml
 */
import { join, resolve } from 'node:path'
import { LabError } from '../lib/cli/errors.ts'
import { requireCluster } from '../lib/kwok/cluster-owner.ts'
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
import { print, runTask, say } from '../lib/lab/task.ts'

const about = 'Applies Metric objects for resource metrics and custom metrics, and waits until Prometheus has them.'

await runTask({ about, settings: ['metricsFile'], changesLab: true }, async ({ lab }) => {
  requireCluster(lab)
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
