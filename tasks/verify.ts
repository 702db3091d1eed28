/**
 * Proves the dashboards on a running lab. Every query of every panel and variable is asked as Grafana would ask it; one
 * that fails, gives nothing, NaN, a constant or rows twice is named, and so is a number that differs from what the Kubernetes
 * API and the usage model say. Exit code 1 when anything is wrong.
 *
 *   tsx tasks/verify.ts
 *   tsx tasks/verify.ts --dashboards 'mine/*.json' --junit verify.xml
 *   tsx tasks/verify.ts --kube-context my-cluster
 */
import { writeFileSync } from 'node:fs'
import { labDashboards } from '../dashboards/index.ts'
import { ownPaths, readDashboardFiles } from '../lib/grafana/files.ts'
import { readDashboard } from '../lib/grafana/read.ts'
import { requireContext } from '../lib/k3d/agree.ts'
import { reachPrometheus } from '../lib/k3d/forward.ts'
import { requireCluster } from '../lib/kwokctl.ts'
import { startProgress } from '../lib/progress.ts'
import { createPrometheusApi } from '../lib/prometheus/api.ts'
import { lookbackMs } from '../lib/prometheus.ts'
import { print, runTask, say } from '../lib/task.ts'
import { junitXml } from '../lib/verify/junit.ts'
import { exitCode, reportText } from '../lib/verify/report.ts'
import { labPrometheus, labTruth } from '../lib/verify/truth.ts'
import { type Verifiable, verify } from '../lib/verify/verify.ts'
import { waitForWindow } from '../lib/verify/wait.ts'

const about = 'Proves every number of the dashboards on a running lab; exit code 1 when one is wrong.'
const settings = ['prometheusUrl', 'dashboardsDir', 'kubeContext'] as const
const switches = {
  'no-wait': 'do not wait until the series are as long as the rate window',
  verbose: 'name the ten slowest queries',
}
const texts = {
  dashboards: 'verify these dashboards instead of the own ones: a file, a folder, or a pattern in quotes; repeatable',
  json: 'write the report as JSON to this file; - prints it instead of the table',
  junit: 'also write the report as JUnit XML to this file',
}

await runTask(
  { about, settings, switches, texts, on: 'either', takesLabAsItIs: true },
  async ({ lab: opened, switches: chosen, texts: given }) => {
    if (opened.kind === 'context') await requireContext(opened)
    else if (labPrometheus(opened).isLab) requireCluster(opened)
    const { lab, close } = await reachPrometheus(opened)
    const { isLab, url } = labPrometheus(lab)
    const { dashboards: foreign, refused } = readDashboardFiles(given['dashboards'] ?? ownPaths(lab.settings))
    const own: Verifiable[] =
      given['dashboards'] === undefined
        ? labDashboards().map(({ name, json, marks }) => ({
            dashboard: readDashboard(json, `dashboards/${name}`),
            marks,
          }))
        : []
    const dashboards = [...own, ...foreign.map(dashboard => ({ dashboard, marks: undefined }))]

    const scrapeMs = lab.settings.collectionInterval
    const windowMs = 4 * scrapeMs
    const truth = await labTruth(lab, windowMs)
    const progress = startProgress('Verifying')
    try {
      if (truth !== undefined && !chosen.has('no-wait')) {
        const { clusterName } = lab.settings
        const limitMs = 2 * windowMs + 60_000
        const isLong = await waitForWindow({ url, clusterName, windowMs, limitMs, onWaiting: progress.detail })
        if (!isLong) say('Some series are still shorter than the rate window; their numbers may be too low')
      }
      const next = isLab
        ? `make ${lab.kind === 'kwok' ? 'kwok' : 'k3d'}-status`
        : 'see whether PROMETHEUS_URL is right, and that Prometheus runs'
      const api = createPrometheusApi(url, { next })
      const settleMs = Math.max(windowMs, lookbackMs(scrapeMs)) + 2 * scrapeMs
      const isKwokLab = truth !== undefined && lab.kind === 'kwok'
      const report = await verify({
        api,
        dashboards,
        refused,
        scrapeMs,
        truth,
        isKwokLab,
        settleMs,
        onProgress: progress.detail,
      })
      const json = `${JSON.stringify(report, null, 2)}\n`
      const jsonFiles = given['json'] ?? []
      for (const path of jsonFiles) if (path !== '-') writeFileSync(path, json)
      for (const path of given['junit'] ?? []) writeFileSync(path, junitXml(report))
      print(jsonFiles.includes('-') ? json.trimEnd() : reportText(report, { slowest: chosen.has('verbose') ? 10 : 5 }))
      return exitCode(report)
    } finally {
      progress.end()
      truth?.close()
      close()
    }
  },
)
