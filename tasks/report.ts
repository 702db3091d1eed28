/**
 * Writes one HTML file that shows every dashboard with live data, the verify result of each panel, and a description of the lab. The file
 * loads nothing and needs no Grafana: attach it to a pull request. A JSON file beside it has its numbers, verdicts and causes; BEFORE, the JSON
 * file of an earlier report, adds what changed, also as Markdown. Exit code 1 when verify fails; the file is written in any case.
 *
 *   tsx tasks/report.ts
 *   tsx tasks/report.ts --kube-context my-cluster
 *   tsx tasks/report.ts --before old.json
 *   tsx tasks/report.ts --out /tmp/report.html --dashboards 'mine/*.json' --png
 */
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { loadChecked } from '../dashboards/load-checked.ts'
import { plural } from '../lib/checks/lint/cause-lines.ts'
import { reachLab, verifyLab } from '../lib/checks/verify/verify-lab.ts'
import { exitCode } from '../lib/checks/verify/verify-report.ts'
import { withProgress } from '../lib/cli/progress.ts'
import { skippedLines } from '../lib/kube/source-documents.ts'
import { projectDir } from '../lib/lab/lab.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import { orNone } from '../lib/prometheus/prometheus-client.ts'
import { requireBrowser } from '../lib/render/report/browser.ts'
import { drawDashboards } from '../lib/render/report/draw-dashboards.ts'
import { firingAlerts, labFacts, prometheusFacts } from '../lib/render/report/lab-facts.ts'
import { writePictures } from '../lib/render/report/pictures.ts'
import {
  differencesMarkdown,
  differencesPart,
  readReportData,
  reportData,
  reportDifferences,
} from '../lib/render/report/report-differences.ts'
import { reportHtml, reportTitle } from '../lib/render/report/report-html.ts'
import { scenarioSpans } from '../lib/scenarios/scenario-journal.ts'
import { labPrometheus } from '../lib/services/prometheus.ts'

const about = 'Writes an HTML file with every dashboard and its verify results; exit code 1 when verify fails.'
const settings = ['prometheusUrl', 'dashboardsDir', 'rulesDir', 'kubeContext', 'before'] as const
const flags = { png: 'also write a screenshot of each dashboard next to it; needs Chromium (CHROMIUM_BINARY)' }
const options = {
  dashboards:
    "report on these dashboards instead of the lab's: a file, a folder, a pattern in quotes, or - for standard input; repeatable",
  rules: 'report on these rules instead, also when Prometheus has not loaded them: as --dashboards',
  out: 'write to this file instead of report/index.html',
}

await runTask(
  { about, settings, flags, options, on: 'either', ignoreCreationSettings: true },
  async ({ lab: opened, flags: chosen, options: given }) => {
    const browser = chosen.has('png') ? requireBrowser(process.env) : undefined
    const out = resolve(given['out']?.at(-1) ?? join(projectDir, 'report', 'index.html'))
    // The earlier report may be at the same place.
    const before = opened.settings.before === 'none' ? undefined : readReportData(opened.settings.before)
    const beside = (extension: string) => join(dirname(out), `${basename(out, '.html')}.${extension}`)
    const { skipped, ...checked } = await loadChecked(opened.settings, given)
    const { dashboards } = checked
    for (const line of skippedLines(skipped)) say(line)
    const { lab, api, close } = await reachLab(opened)
    try {
      const { verified, drawn } = await withProgress('Reporting', async onProgress => {
        const verified = await verifyLab(lab, {
          ...checked,
          api,
          onProgress,
          waitsForWindow: true,
          retries: true,
        })
        // The same time as verify's, so that its answers are used again.
        const untilMs = Date.parse(verified.time)
        const scrapeMs = lab.settings.collectionInterval
        const drawn = await drawDashboards({
          api,
          dashboards,
          verified,
          untilMs,
          scrapeMs,
          onProgress,
          spans: scenarioSpans(lab),
        })
        const facts = await (labPrometheus(lab).isLab ? labFacts(lab) : prometheusFacts(api))
        const alerts = await firingAlerts(api, untilMs)
        const rules = (await orNone(api.rules())) ?? []
        const title = reportTitle({ facts, verified })
        const data = reportData(title, { verified, dashboards: drawn })
        const changes = before && reportDifferences(before, data)
        const differences = changes && differencesPart(changes)
        mkdirSync(dirname(out), { recursive: true })
        writeFileSync(out, reportHtml({ verified, dashboards: drawn, facts, alerts, rules, differences }))
        writeFileSync(beside('json'), `${JSON.stringify(data)}\n`)
        if (changes !== undefined) writeFileSync(beside('md'), differencesMarkdown(title, changes))
        return { verified, drawn }
      })
      if (browser !== undefined) {
        const pictures = await writePictures(browser, { file: out, dashboards: drawn })
        say(`Wrote ${pictures.length} pictures beside the file`)
      }
      const size = `${(statSync(out).size / 1e6).toFixed(1)} MB`
      const shown = out.startsWith(`${process.cwd()}/`) ? relative(process.cwd(), out) : out
      if (before !== undefined) say(`Wrote what changed as Markdown to ${beside('md')}`)
      print(`${plural(drawn.length, 'dashboard')} in ${shown} (${size}); verify: ${verified.failures.length} failed`)
      return exitCode(verified)
    } finally {
      close()
    }
  },
)
