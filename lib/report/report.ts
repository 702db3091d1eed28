import type { Html } from '../draw/html.ts'
import { html } from '../draw/html.ts'
import { FILE_POLICY, pageHtml } from '../draw/page.ts'
import type { Dashboard } from '../grafana/model.ts'
import { type DashboardResult, type Failure, failureText, type VerifyReport } from '../verify/report.ts'
import type { Facts } from './facts.ts'

/** A dashboard of the report: what verify found, and its panels drawn. */
export interface ReportedDashboard {
  dashboard: Dashboard
  result: DashboardResult | undefined
  body: Html
}

/** So many failures are written out at the top. */
const MOST_FAILURES = 50

/** The whole report as one file: what was looked at, what verify found, and each dashboard. */
export function reportHtml(given: {
  verified: VerifyReport
  dashboards: readonly ReportedDashboard[]
  facts: Facts
  alerts: Facts
}): string {
  const { verified, dashboards, facts, alerts } = given
  const time = verified.time.replace('T', ' ').replace(/\..*$/, ' UTC')
  const title = `Dashboards of ${facts.find(([name]) => name === 'Cluster')?.[1] ?? verified.prometheusUrl}`
  const body = html`<header><h1>${title}</h1>
<p class="${verified.failures.length > 0 ? 'failed' : 'ok'}">${summary(verified)}</p>
<dl class="facts">${[['Time', time] as const, ...facts].map(
    ([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>
`,
  )}<dt>Alerts that fire</dt><dd>${alerts.length === 0 ? 'none' : alerts.map(([name, count]) => `${name}: ${count}`).join(', ')}</dd></dl>
${verified.notes.map(note => html`<p class="note">${note}</p>`)}
${failuresPart(verified.failures)}</header>
<nav aria-label="Dashboards"><ul>${dashboards.map(
    ({
      dashboard,
      result,
    }) => html`<li><a href="#${anchorOf(dashboard)}">${dashboard.title}</a> ${shortVerdict(result)}</li>
`,
  )}</ul></nav>
<main id="main">${dashboards.map(
    ({
      dashboard,
      result,
      body: panels,
    }) => html`<section aria-labelledby="${anchorOf(dashboard)}"><h2 id="${anchorOf(dashboard)}">${dashboard.title}</h2>
<p class="note">${longVerdict(result)} Time range ${dashboard.time.from} to ${dashboard.time.to}; times are UTC.</p>
${panels}</section>
`,
  )}</main>`
  const head = html`<meta http-equiv="Content-Security-Policy" content="${FILE_POLICY}">`
  return pageHtml({ title, body, head })
}

/** The id of a dashboard in the report. */
export function anchorOf({ uid, title }: Pick<Dashboard, 'uid' | 'title'>): string {
  return `d-${(uid || title).replace(/[^\w-]+/g, '-')}`
}

function summary({ dashboards, failures, truth }: VerifyReport): string {
  const sum = (of: (each: DashboardResult) => number) => dashboards.reduce((all, each) => all + of(each), 0)
  const compared = truth === '' ? 'none' : String(sum(each => each.compared))
  const word = failures.length > 0 ? '✗' : '✓'
  return `${word} verify: ${sum(each => each.queries)} queries, ${sum(each => each.ok)} ok, ${compared} of them compared with ${truth || 'a cluster'}; ${failures.length} failed, ${sum(each => each.excused)} excused, ${sum(each => each.skipped)} skipped`
}

function failuresPart(failures: readonly Failure[]): Html | undefined {
  if (failures.length === 0) return undefined
  const more = failures.length - MOST_FAILURES
  return html`<h2>What failed</h2><pre>${failures.slice(0, MOST_FAILURES).map(failureText).join('\n')}${more > 0 ? `\nand ${more} more` : ''}</pre>`
}

function shortVerdict(result: DashboardResult | undefined): Html | undefined {
  if (result === undefined) return undefined
  if (result.notApplicable !== '') return html`<span class="verdict">not applicable</span>`
  return result.failed > 0
    ? html`<span class="failed">✗ ${result.failed} failed</span>`
    : html`<span class="ok">✓ ok</span>`
}

function longVerdict(result: DashboardResult | undefined): string {
  if (result === undefined) return ''
  if (result.notApplicable !== '') return `Not applicable here: no ${result.notApplicable}.`
  const { queries, ok, compared, failed, excused } = result
  return `${queries} queries: ${ok} ok, ${compared} of them compared, ${failed} failed, ${excused} excused.`
}
