/**
 * Checks the text of dashboards and rules: queries that don't parse or are constant, metrics and labels that the lab does not have, functions
 * and units that don't fit the metric, fixed rate windows, and broken links. Prints the findings by cause. Needs no cluster. The lab's own
 * dashboards and rules must have no finding; in other dashboards an unknown name is a warning. Exit code 1 when there is an error.
 *
 *   tsx tasks/lint-dashboards.ts
 *   tsx tasks/lint-dashboards.ts --dashboards 'mine/*.json' --metrics both --json lint.json
 *   jsonnet rules.jsonnet | tsx tasks/lint-dashboards.ts --rules -
 */
import { writeFileSync } from 'node:fs'
import { labDashboards, labRules, metricCatalog, partlyListed, recordedSeries } from '../dashboards/index.ts'
import { lintDashboards } from '../lib/checks/lint/lint-dashboards.ts'
import { exitCode, lintJson, lintText, refusedFindings } from '../lib/checks/lint/lint-report.ts'
import type { Dialect } from '../lib/checks/lint/metric-catalog.ts'
import { readDashboardFiles } from '../lib/grafana/dashboard-files.ts'
import { readDashboard } from '../lib/grafana/read-dashboard.ts'
import { skippedLines } from '../lib/kube/source-documents.ts'
import { sourcePaths } from '../lib/kube/source-files.ts'
import { hasOtelMetrics, hasPrometheusMetrics } from '../lib/lab/metrics-dialects.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import { readRuleFiles, rulesOf } from '../lib/prometheus/rule-files.ts'

const about = 'Checks the text of dashboards and rules; exit code 1 when there is an error.'
const settings = ['dashboardsDir', 'rulesDir', 'metrics'] as const
const options = {
  dashboards:
    "lint these dashboards instead of the lab's: a file, a folder, a pattern in quotes, or - for standard input; repeatable",
  rules: "lint these rules instead of the lab's: as --dashboards",
  json: 'write the findings as JSON to this file; - prints them instead of the lines',
}

await runTask({ about, settings, options, ignoreCreationSettings: true }, async ({ lab, options: given }) => {
  const isChosen = given['dashboards'] !== undefined || given['rules'] !== undefined
  const pathsOf = (option: 'dashboards' | 'rules') =>
    given[option] ?? (isChosen ? [] : sourcePaths(lab.settings, `${option}Dir`))
  const { found: others, ...read } = readDashboardFiles(pathsOf('dashboards'))
  const ruleFiles = readRuleFiles(pathsOf('rules'))
  const refused = [...read.refused, ...ruleFiles.refused]
  for (const line of skippedLines([...read.skipped, ...ruleFiles.skipped])) say(line)
  const otherRules = rulesOf(ruleFiles.found).map(({ file, name, rule }) => {
    return { ...rule, file: file.source, name, isAlert: rule.alert !== undefined }
  })
  const ours = labDashboards().map(({ name, json }) => readDashboard(json, `dashboards/${name}`))
  const [own, linkable] = isChosen ? [[], ours] : [ours, []]
  const rules = own.length === 0 ? [] : labRules()
  const dialects: Dialect[] = []
  if (hasOtelMetrics(lab)) dialects.push('otel')
  if (hasPrometheusMetrics(lab)) dialects.push('prometheus')
  const known = { catalog: metricCatalog(), recorded: recordedSeries(), partlyListed, dialects }
  const linted = lintDashboards({ own, others, linkable, ...known, rules, otherRules })
  const findings = [...refusedFindings(refused), ...linted]
  const report = { dashboards: [...own, ...others], findings, rules: otherRules.length }
  const json = JSON.stringify(lintJson(report), null, 2)
  const jsonFiles = given['json'] ?? []
  for (const path of jsonFiles) if (path !== '-') writeFileSync(path, `${json}\n`)
  print(jsonFiles.includes('-') ? json : lintText(report))
  if (report.dashboards.length > 0 || otherRules.length === 0) return exitCode(report)
  return report.findings.some(({ severity }) => severity === 'error') ? 1 : 0
})
