import {
  type DashboardResult,
  type Failure,
  nothingChecked,
  totals,
  type VerifyReport,
} from '../../checks/verify/verify-report.ts'
import { shownTitles } from '../../grafana/dashboard-identity.ts'
import type { Dashboard } from '../../grafana/dashboard-model.ts'
import type { LoadedRule } from '../../prometheus/prometheus-client.ts'
import type { Html } from '../charts/html.ts'
import { html } from '../charts/html.ts'
import { FILE_POLICY, pageHtml } from '../charts/page-html.ts'
import type { PanelNumbers } from '../charts/panel-html.ts'
import { rulesTables } from '../charts/rules-table.ts'
import { failuresPart } from '../charts/verdict-badges.ts'
import type { Facts } from './lab-facts.ts'

/** A dashboard of the report: the result of verify, and its drawn panels. */
export interface ReportedDashboard {
  /** Names its id and its picture. */
  key: string
  /** Its unique title. */
  title: string
  dashboard: Dashboard
  result: DashboardResult | undefined
  /** The numbers of its panels, by their keys. */
  numbers: ReadonlyMap<string, PanelNumbers>
  /** The keys of the panels that have more series than they draw. */
  partial: ReadonlySet<string>
  body: Html
}

/** The report as one HTML file: the facts of the lab, the result of verify, and each dashboard. */
export function reportHtml(given: {
  verified: VerifyReport
  dashboards: readonly ReportedDashboard[]
  facts: Facts
  alerts: Facts
  rules: readonly LoadedRule[]
  /** What changed since an earlier report. */
  differences: Html | undefined
}): string {
  const { verified, dashboards, facts, alerts, rules, differences } = given
  const time = verified.time.replace('T', ' ').replace(/\..*$/, ' UTC')
  const title = reportTitle(given)
  const titles = shownTitles(verified.dashboards)
  const keys = new Map(dashboards.map(({ key, dashboard }) => [dashboard.source, key]))
  const hrefOf = ({ source, panelId }: Failure) => {
    const key = keys.get(source)
    return key === undefined || panelId === undefined ? undefined : `#${anchorOf(key)}.${panelId}`
  }
  const failed = failuresPart(verified.failures, titles, hrefOf)
  const body = html`<header><h1>${title}</h1>
<p class="${verified.failures.length > 0 || nothingChecked(verified) !== undefined ? 'failed' : 'ok'}">${summary(verified)}</p>
<dl class="facts">${[['Time', time] as const, ...facts].map(
    ([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>
`,
  )}<dt>Alerts that fire</dt><dd>${alerts.length === 0 ? 'none' : alerts.map(([name, count]) => `${name}: ${count}`).join(', ')}</dd></dl>
${verified.notes.map(note => html`<p class="note">${note}</p>`)}
${failed && html`<h2>What failed</h2>${failed}`}${differences}</header>
<nav aria-label="Dashboards"><ul>${dashboards.map(
    ({ key, title: name, result }) => html`<li><a href="#${anchorOf(key)}">${name}</a> ${shortVerdict(result)}</li>
`,
  )}</ul></nav>
<main id="main">${dashboards.map(
    ({
      key,
      title: name,
      dashboard,
      result,
      body: panels,
    }) => html`<section aria-labelledby="${anchorOf(key)}"><h2 id="${anchorOf(key)}">${name}</h2>
<p class="note">${longVerdict(result)} Time range ${dashboard.time.from} to ${dashboard.time.to}; times are UTC.</p>
${failuresPart(
  verified.failures.filter(({ source }) => source === dashboard.source),
  titles,
  hrefOf,
)}${panels}</section>
`,
  )}${rules.length + (verified.rules?.length ?? 0) === 0 ? undefined : html`<section aria-labelledby="rules"><h2 id="rules">Rules</h2>${rulesTables(rules, verified.rules)}</section>`}</main>`
  const head = html`<meta http-equiv="Content-Security-Policy" content="${FILE_POLICY}">`
  return pageHtml({ title, body, head })
}

/** The title of a report: of which cluster or Prometheus it is. */
export function reportTitle({ facts, verified }: { facts: Facts; verified: VerifyReport }): string {
  return `Dashboards of ${facts.find(([name]) => name === 'Cluster')?.[1] ?? verified.prometheusUrl}`
}

/** The id of a dashboard in the report. */
export function anchorOf(key: string): string {
  return `d-${key}`
}

function summary(verified: VerifyReport): string {
  const { dashboards, failures, truth } = verified
  const nothing = nothingChecked(verified)
  if (nothing !== undefined) return `– verify: ${nothing.message}`
  const { queries, ok, compared, excused, skipped, unchecked } = totals(dashboards)
  const rest = unchecked === 0 ? '' : `; ${unchecked} of ${dashboards.length} dashboards: nothing to check`
  const word = failures.length > 0 ? '✗' : '✓'
  return `${word} verify: ${queries} queries, ${ok} ok, ${truth === '' ? 'none' : compared} of them compared with ${truth || 'a cluster'}; ${failures.length} failed, ${excused} excused, ${skipped} skipped${rest}`
}

function shortVerdict(result: DashboardResult | undefined): Html | undefined {
  if (result === undefined) return undefined
  if (result.verdict === 'not applicable' || result.verdict === 'nothing to check')
    return html`<span class="verdict">– ${result.verdict}</span>`
  return result.failed > 0
    ? html`<span class="failed">✗ ${result.failed} failed</span>`
    : html`<span class="ok">✓ ok</span>`
}

function longVerdict(result: DashboardResult | undefined): string {
  if (result === undefined) return ''
  if (result.verdict === 'not applicable') return `Not applicable here: no ${result.notApplicable}.`
  if (result.verdict === 'nothing to check') return 'Nothing to check: no panel has a query for Prometheus.'
  const { queries, ok, compared, failed, excused } = result
  return `${queries} queries: ${ok} ok, ${compared} of them compared, ${failed} failed, ${excused} excused.`
}
