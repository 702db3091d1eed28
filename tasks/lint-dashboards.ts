/**
 * Checks the text of dashboards and rules: queries that don't parse or are constant, metrics and labels that the lab does not have, functions
 * and units that don't fit the metric, fixed rate windows, and broken links. Prints the findings by cause. Needs no cluster. The lab's own
 * dashboards and rules must have no finding; in other dashboards an unknown name is a warning. Exit code 1 when there is an error.
 *
 *   tsx tasks/lint-dashboards.ts
 *   tsx tasks/lint-dashboards.ts --dashboards 'mine/*.json' --metrics both --json lint.json
 */
import { writeFileSync } from 'node:fs'
import { labDashboards, metricCatalog, partlyListed, recordedSeries, ruleFiles } from '../dashboards/index.ts'
import { lintDashboards } from '../lib/checks/lint/lint-dashboards.ts'
import { exitCode, lintJson, lintText, refusedFindings } from '../lib/checks/lint/lint-report.ts'
import type { Dialect } from '../lib/checks/lint/metric-catalog.ts'
import { dashboardsDirPaths, readDashboardFiles } from '../lib/grafana/dashboard-files.ts'
import { readDashboard } from '../lib/grafana/read-dashboard.ts'
import { hasOtelMetrics, hasPrometheusMetrics } from '../lib/lab/metrics-dialects.ts'
import { print, runTask } from '../lib/lab/task.ts'

const about = 'Checks the text of dashboards and rules; exit code 1 when there is an error.'
const settings = ['dashboardsDir', 'metrics'] as const
const options = {
  dashboards: "lint these dashboards instead of the lab's: a file, a folder, or a pattern in quotes; repeatable",
  json: 'write the findings as JSON to this file; - prints them instead of the lines',
}

await runTask({ about, settings, options, ignoreCreationSettings: true }, async ({ lab, options: given }) => {
  const { dashboards: others, refused } = readDashboardFiles(given['dashboards'] ?? dashboardsDirPaths(lab.settings))
  const ours = labDashboards().map(({ name, json }) => readDashboard(json, `dashboards/${name}`))
  const [own, linkable] = given['dashboards'] === undefined ? [ours, []] : [[], ours]
  const rules = own.length === 0 ? [] : labRules()
  const dialects: Dialect[] = []
  if (hasOtelMetrics(lab)) dialects.push('otel')
  if (hasPrometheusMetrics(lab)) dialects.push('prometheus')
  const [catalog, recorded] = [metricCatalog(), recordedSeries()]
  const linted = lintDashboards({ own, others, linkable, catalog, recorded, partlyListed, dialects, rules })
  const report = { dashboards: [...own, ...others], findings: [...refusedFindings(refused), ...linted] }
  const json = JSON.stringify(lintJson(report), null, 2)
  const jsonFiles = given['json'] ?? []
  for (const path of jsonFiles) if (path !== '-') writeFileSync(path, `${json}\n`)
  print(jsonFiles.includes('-') ? json : lintText(report))
  return exitCode(report)
})

function labRules() {
  return [...ruleFiles()].flatMap(([file, groups]) =>
    groups.flatMap(({ rules }) =>
      rules.map(rule => ({
        file: `rules/${file}`,
        name: 'record' in rule ? rule.record : rule.alert,
        expr: rule.expr,
      })),
    ),
  )
}
