import type { Dashboard } from '../../grafana/dashboard-model.ts'
import { isEpoch } from '../../grafana/query-interval.ts'
import { ALL } from '../../grafana/variable-values.ts'
import type { PartStatus } from '../../kwok/lab-status.ts'
import type { LoadedRule, TimeRange } from '../../prometheus/prometheus-client.ts'
import { Html, html } from '../charts/html.ts'
import { pageHtml } from '../charts/page-html.ts'
import { FORM_ID, type PanelChoices } from '../charts/panel-html.ts'
import { rulesTables } from '../charts/rules-table.ts'
import type { Facts } from '../report/lab-facts.ts'
import { choiceFields, REFRESHES, type SelectableVariable, TIME_RANGES, urlQuery } from './page-selection.ts'
import type { TracedService } from './trace-links.ts'

const SCRIPT = new Html('<script src="/page.js" defer></script>')
/** The maximum number of values that a list has at once; the search finds the others. */
const MAX_OPTIONS = 500
/** The maximum number of values in a list without search. */
const MAX_SHORT = 12

/** A dashboard in a list of links. */
export interface LinkedDashboard {
  source: string
  /** The last part of its URL. */
  key: string
  title: string
}

/** The home page: the services of the lab, its facts, firing alerts and dashboards. */
export function homePage(given: {
  name: string
  facts: Facts
  parts: readonly PartStatus[]
  alerts: Facts | string
  /** Undefined where there is no Jaeger. */
  traced: readonly TracedService[] | string | undefined
  dashboards: readonly LinkedDashboard[]
  refused: readonly string[]
  prometheusUrl: string
  jaegerUrl: string | undefined
}): string {
  const { name, facts, parts, alerts, traced, dashboards, refused, prometheusUrl, jaegerUrl } = given
  const alertmanager = parts.find(part => part.name === 'alertmanager' && part.process !== undefined)
  const alertmanagerUrl = alertmanager && `http://${alertmanager.address}`
  const body = html`<header><h1>Lab ${name}</h1></header><main id="main">
<h2>Dashboards</h2><ul>${dashboards.map(
    ({ key, title }) => html`<li><a href="/d/${key}">${title}</a></li>
`,
  )}</ul>${refused.map(why => html`<p class="failed">${why}</p>`)}
<h2>Alerts that fire</h2>${alertList(alerts)}<p><a href="/rules">Rules and their states</a></p>
<h2>The lab</h2><dl class="facts">${facts.map(
    ([fact, value]) => html`<dt>${fact}</dt><dd>${value}</dd>
`,
  )}<dt>Prometheus</dt><dd>${outsideLink(prometheusUrl, prometheusUrl)}</dd>${jaegerUrl && html`<dt>Jaeger</dt><dd>${outsideLink(jaegerUrl, jaegerUrl)}</dd>`}${alertmanagerUrl && html`<dt>Alertmanager</dt><dd>${outsideLink(alertmanagerUrl, alertmanagerUrl)}</dd>`}</dl>
${
  parts.length === 0
    ? undefined
    : html`<div class="scroll" tabindex="0" role="region" aria-label="Parts of the lab"><table><thead><tr><th scope="col">Part</th><th scope="col">State</th><th scope="col">Address</th><th scope="col" class="number">Memory</th></tr></thead>
<tbody>${parts.map(partRow)}</tbody></table></div>`
}
${traced === undefined ? undefined : html`<h2>Traces</h2>${tracedList(traced)}`}</main>`
  return pageHtml({ title: `Lab ${name}`, body })
}

/** The page of the rules of the lab's Prometheus. */
export function rulesPage(name: string, rules: readonly LoadedRule[] | string): string {
  const title = `Rules of ${name}`
  const shown = typeof rules === 'string' ? html`<p class="failed">${rules}</p>` : rulesTables(rules)
  const body = html`<header><p><a href="/">Lab</a></p><h1>${title}</h1></header><main id="main">${shown}</main>`
  return pageHtml({ title, body })
}

/** The place of the panels in a page. No other text is the same, since `<` is escaped. */
const PANELS = new Html('<!-- panels -->')

/** The page of a dashboard in pieces: the form of its variables at once, then each panel when it is ready. */
export async function* dashboardPage(given: {
  dashboard: Dashboard
  variables: readonly SelectableVariable[]
  choices: PanelChoices
  range: TimeRange
  others: readonly LinkedDashboard[]
  alerts: Facts | string
  scenarios: readonly string[]
  verdict: Html | undefined
  prometheusUrl: string
  jaegerUrl: string | undefined
  body: AsyncIterable<Html>
}): AsyncGenerator<string> {
  const { dashboard, variables, choices, range, others, alerts, scenarios, verdict, prometheusUrl, jaegerUrl, body } =
    given
  const now = new Date(range.untilMs).toISOString()
  const { title, time } = dashboard
  const address = urlQuery(variables, dashboard)
  const query = new URLSearchParams([...address, ...choiceFields(choices)]).toString()
  const firing = typeof alerts === 'string' ? alerts : alerts.map(([name, count]) => `${name}: ${count}`).join(', ')
  const isFixed = isEpoch(time.from)
  const refresh = verdict === undefined && !isFixed ? time.refresh : 'off'
  const page = html`<header><p><a href="/">Lab</a> · ${outsideLink(prometheusUrl, 'Prometheus')}${jaegerUrl && html` · ${outsideLink(jaegerUrl, 'Jaeger')}`}</p><h1>${title}</h1>
<form class="pick" id="${FORM_ID}" method="get">
${variables.filter(({ variable }) => variable.hide !== 'variable').map(variableInput)}
${timeInputs(dashboard, range)}
${choiceFields(choices).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<button>Show</button><button formmethod="post">Show and verify</button></form>
<details><summary>Other dashboards</summary><nav aria-label="Dashboards"><ul>${others.map(
    each => html`<li><a href="/d/${each.key}?${address.toString()}">${each.title}</a></li>
`,
  )}</ul></nav></details></header>
<p class="failed" role="status" id="status"></p><main id="main" data-refresh="${refresh}" data-query="${query}" data-from="${range.fromMs}" data-until="${range.untilMs}"><p class="note" id="state">As of <time datetime="${now}">${now.slice(0, 19).replace('T', ' ')}</time>; times are UTC. Alerts that fire: ${firing || 'none'}.${scenarios.length === 0 ? '' : ` Scenarios: ${scenarios.join(', ')}.`}</p>${verdict}
${PANELS}</main>`
  const [before = '', after = ''] = pageHtml({ title, body: page, head: SCRIPT }).split(PANELS.text)
  yield before
  for await (const { text } of body) yield text
  yield after
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

function alertList(alerts: Facts | string): Html {
  if (typeof alerts === 'string') return html`<p class="failed">${alerts}</p>`
  if (alerts.length === 0) return html`<p>none</p>`
  return html`<ul>${alerts.map(([name, count]) => html`<li>${name}: ${count}</li>`)}</ul>`
}

function tracedList(traced: readonly TracedService[] | string): Html {
  if (typeof traced === 'string') return html`<p class="failed">${traced}</p>`
  if (traced.length === 0) return html`<p>none yet</p>`
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Services with traces"><table><thead><tr><th scope="col">Service</th><th scope="col" class="number">Spans in the last 5 minutes</th></tr></thead>
<tbody>${traced.map(
    ({ name, spans, url }) =>
      html`<tr><td>${outsideLink(url, name)}</td><td class="number">${spans === undefined ? 'not counted' : spans}</td></tr>
`,
  )}</tbody></table></div>`
}

function outsideLink(url: string, words: string): Html {
  return html`<a href="${url}" rel="noreferrer">${words}</a>`
}

function partRow({ name, process: running, trouble, address }: PartStatus): Html {
  const up = trouble === undefined ? html`<span class="ok">✓ up</span>` : html`<span class="failed">✗ unhealthy</span>`
  const why = trouble === undefined ? undefined : html`<p class="note">${trouble}</p>`
  const state = running === undefined ? html`<span class="failed">✗ down</span>` : html`${up}${why}`
  const memory = running === undefined ? '' : `${Math.round(running.residentBytes / 2 ** 20)} MiB`
  return html`<tr><th scope="row">${name}</th><td>${state}</td><td>${address || '-'}</td><td class="number">${memory}</td></tr>
`
}
