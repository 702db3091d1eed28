import { basename } from 'node:path'
import type { LastResult } from '../../checks/verify/last-verify.ts'
import type { VariableSelection } from '../../checks/verify/variable-selection.ts'
import type { Dashboard } from '../../grafana/dashboard-model.ts'
import { isEpoch } from '../../grafana/query-interval.ts'
import { ALL } from '../../grafana/variable-values.ts'
import type { LoadedRule, TimeRange } from '../../prometheus/prometheus-client.ts'
import type { ChartMark } from '../charts/chart-marks.ts'
import { Html, html } from '../charts/html.ts'
import { pageHtml } from '../charts/page-html.ts'
import { type DrawContext, FORM_ID, type PanelChoices } from '../charts/panel-html.ts'
import { rulesTables } from '../charts/rules-table.ts'
import { shortTime, type Verdicts } from '../charts/verdict-badges.ts'
import type { Facts } from '../report/lab-facts.ts'
import { type LinkedDashboard, outsideLink, SCRIPT } from './home-page.ts'
import { choiceFields, REFRESHES, type SelectableVariable, TIME_RANGES, urlQuery } from './page-selection.ts'

/** The maximum number of values that a list has at once; the search finds the others. */
const MAX_OPTIONS = 500
/** The maximum number of values in a list without search. */
const MAX_SHORT = 12

/** The page of the rules of the lab's Prometheus. */
export function rulesPage(
  name: string,
  rules: readonly LoadedRule[] | string,
  last: Pick<LastResult, 'time' | 'rules'> | undefined,
): string {
  const title = `Rules of ${name}`
  // Verify can have checked other rules, too.
  const loaded = new Set(typeof rules === 'string' ? [] : rules.map(({ file }) => basename(file)))
  const found = last?.rules?.filter(({ file }) => loaded.has(file)) ?? []
  const shown = typeof rules === 'string' ? html`<p class="failed">${rules}</p>` : rulesTables(rules, found)
  const when = found.length === 0 || last === undefined ? undefined : shortTime(last.time)
  const checked = when && html`<p class="note">What verify found at ${when} UTC is below the states.</p>`
  const body = html`<header><p><a href="/">Lab</a></p><h1>${title}</h1></header><main id="main">${checked}${shown}</main>`
  return pageHtml({ title, body })
}

/** The place of the panels in a page. No other text is the same, since `<` is escaped. */
const PANELS = new Html('<!-- panels -->')

/** A dashboard as a URL selects it. */
export interface OpenedDashboard {
  dashboard: Dashboard
  variables: readonly SelectableVariable[]
  selection: VariableSelection
  untilMs: number
  context: DrawContext & { idPrefix: string; choices: PanelChoices; marks: readonly ChartMark[]; verdicts: Verdicts }
}

/** The page of a dashboard in pieces: the form of its variables at once, then each panel when it is ready. */
export async function* dashboardPage(
  { dashboard, variables, context }: Pick<OpenedDashboard, 'dashboard' | 'variables' | 'context'>,
  given: {
    /** The last part of its URL. */
    key: string
    /** The links of the dashboard. */
    links: readonly (Html | undefined)[]
    tabs: readonly string[]
    /** The tab that is shown. */
    tab: string
    others: readonly LinkedDashboard[]
    alerts: Facts | string
    scenarios: readonly string[]
    verdict: Html | undefined
    prometheusUrl: string
    jaegerUrl: string | undefined
    body: AsyncIterable<Html>
  },
): AsyncGenerator<string> {
  const { key, others, alerts, scenarios, verdict, prometheusUrl, jaegerUrl, body, links, tabs, tab } = given
  const { choices, marks, range } = context
  const now = new Date(range.untilMs).toISOString()
  const { title, time } = dashboard
  const address = urlQuery(variables, dashboard)
  const query = new URLSearchParams([...address, ...choiceFields(choices)]).toString()
  const firing = typeof alerts === 'string' ? alerts : alerts.map(([name, count]) => `${name}: ${count}`).join(', ')
  const isFixed = isEpoch(time.from)
  const refresh = isFixed ? 'off' : time.refresh
  const page = html`<header><p><a href="/">Lab</a> · ${outsideLink(prometheusUrl, 'Prometheus')}${jaegerUrl && html` · ${outsideLink(jaegerUrl, 'Jaeger')}`}</p><h1>${title}</h1>
<form class="pick" id="${FORM_ID}" method="get">
${variables.filter(({ variable }) => variable.hide !== 'variable').map(variableInput)}
${timeInputs(dashboard, range)}
${choiceFields(choices).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<button>Show</button><button formmethod="post">Show and verify</button></form>
<details><summary>Other dashboards</summary><nav aria-label="Dashboards"><ul>${others.map(
    each => html`<li><a href="/d/${each.key}?${address.toString()}">${each.title}</a></li>
`,
  )}</ul></nav></details>${links.map(link => html` ${link}`)}${tabNav(tabs, tab)}</header>
<p class="failed" role="status" id="status"></p><main id="main" data-refresh="${refresh}" data-query="${query}" data-key="${key}" data-from="${range.fromMs}" data-until="${range.untilMs}"><p class="note" id="state">As of <time datetime="${now}">${now.slice(0, 19).replace('T', ' ')}</time>; times are UTC. Alerts that fire: ${firing || 'none'}.${scenarios.length === 0 ? '' : ` Scenarios: ${scenarios.join(', ')}.`}</p>${markList(marks)}${verdict}
${PANELS}</main>`
  const [before = '', after = ''] = pageHtml({ title, body: page, head: SCRIPT }).split(PANELS.text)
  yield before
  for await (const { text } of body) yield text
  yield after
}

/** The tabs of a dashboard, as buttons of the form. */
function tabNav(tabs: readonly string[], shown: string): Html | undefined {
  if (tabs.length === 0) return undefined
  const button = (tab: string) =>
    html`<button form="${FORM_ID}" name="tab" value="${tab}"${tab === shown ? new Html(' aria-current="page"') : undefined}>${tab}</button>`
  return html`<nav class="tabs" aria-label="Tabs">${tabs.map(button)}</nav>`
}

/** The marks in the charts, as text. */
function markList(marks: readonly ChartMark[]): Html | undefined {
  if (marks.length === 0) return undefined
  return html`<details><summary>${marks.length} marks in the charts: what began and ended</summary><ul>${marks.map(
    ({ timeMs, kind, text }) =>
      html`<li><span class="mark ${kind}">${new Date(timeMs).toISOString().slice(0, 19).replace('T', ' ')} ${text}</span></li>
`,
  )}</ul></details>`
}

/** The time range, with a fixed one in fields of its own, and the refresh interval. */
function timeInputs({ time }: Dashboard, { fromMs, untilMs }: TimeRange): Html {
  const isFixed = isEpoch(time.from)
  const times = [...new Set([...TIME_RANGES.map(each => `now-${each}`), time.from])]
  const [start, end] = [fromMs, untilMs].map(timeMs => new Date(timeMs).toISOString().slice(0, 19))
  const nameOf = (from: string) =>
    isEpoch(from) ? `${start?.replace('T', ' ')} to ${end?.slice(11)}` : from.replace('now-', 'last ')
  const moment = (name: string, label: string, value: string | undefined) =>
    html`<label for="${name}">${label}</label><input type="datetime-local" step="1" id="${name}" name="${name}" value="${value ?? ''}">`
  return html`<div><label for="from">Time</label><select id="from" name="from">${times.map(each => option(each, each === time.from, nameOf(each)))}</select>${isFixed ? html`<input type="hidden" name="to" value="${time.to}"> <button name="from" value="now-1h">Back to now</button>` : undefined}</div>
<div><label for="refresh">Refresh</label><select id="refresh" name="refresh">${REFRESHES.map(each => option(each, each === time.refresh))}</select></div>
<details class="drop"><summary>Other times</summary><div class="popup">${moment('start', 'From (UTC)', start)}${moment('end', 'To (UTC)', end)}<button name="range" value="fixed">Show this range</button></div></details>`
}

/** A page with an error. */
export function problemPage(title: string, why: string): string {
  return pageHtml({
    title,
    body: html`<main id="main"><h1>${title}</h1><p>${why}</p><p><a href="/">Lab</a></p></main>`,
  })
}

/** The input of a variable: a list that opens for many values or several choices, each with a box. */
function variableInput(given: SelectableVariable): Html {
  const { variable, options, selected, refused } = given
  const id = `var-${variable.name}`
  const label = variable.label || variable.name
  const problem = refused === undefined ? undefined : html`<p class="failed">${refused}</p>`
  if (variable.type === 'textbox')
    return html`<div><label for="${id}">${label}</label><input id="${id}" name="${id}" value="${selected[0] ?? ''}">${problem}</div>
`
  if (options.length === 0 && !variable.includeAll)
    return html`<div><label for="${id}">${label}</label><select id="${id}" disabled><option>${variable.type === 'datasource' ? 'default' : 'no values'}</option></select>${problem}</div>
`
  if (!variable.multi && options.length <= MAX_SHORT) {
    const all = variable.includeAll ? option(ALL, selected.includes(ALL), 'All') : undefined
    return html`<div><label for="${id}">${label}</label><select id="${id}" name="${id}">${all}${options.map(each => option(each, selected.includes(each)))}</select>${problem}</div>
`
  }
  const words = selected.includes(ALL)
    ? 'All'
    : selected.length > 3
      ? `${selected.length} selected`
      : selected.join(' + ')
  const search =
    options.length > MAX_SHORT
      ? html`<input type="search" class="script" aria-label="Search ${label}" placeholder="Search" aria-controls="${id}-list">`
      : undefined
  return html`<div><span class="label">${label}</span><details class="drop"><summary id="${id}"><span class="unseen">${label}: </span>${words || 'none'}</summary><fieldset class="popup"><legend class="unseen">${label}</legend>${search}${variableOptionList(given)}</fieldset></details>${problem}</div>
`
}

/** The values of a variable, each with a box: those selected, and then the first that contain a text. */
export function variableOptionList({ variable, options, selected }: SelectableVariable, find = ''): Html {
  const id = `var-${variable.name}`
  const found = options.filter(each => each.toLowerCase().includes(find.toLowerCase()))
  const listed = [...(variable.includeAll ? [ALL] : []), ...selected, ...found.slice(0, MAX_OPTIONS)]
  const isPart = options.length > MAX_OPTIONS
  const box = (value: string) =>
    html`<label><input type="${variable.multi ? 'checkbox' : 'radio'}" name="${id}" value="${value}"${selected.includes(value) ? new Html(' checked') : undefined}>${value === ALL ? 'All' : value}</label>`
  return html`<div id="${id}-list" class="options"${isPart ? html` data-partial="${variable.name}"` : undefined}>${[...new Set(listed)].map(box)}</div>${isPart ? html`<p class="note">The first ${MAX_OPTIONS} of ${options.length}; search for others.</p>` : undefined}`
}

function option(value: string, isSelected: boolean, words = value): Html {
  return html`<option value="${value}"${isSelected ? new Html(' selected') : undefined}>${words}</option>`
}
