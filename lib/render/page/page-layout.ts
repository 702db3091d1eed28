import type { Dashboard } from '../../grafana/dashboard-model.ts'
import { ALL } from '../../grafana/variable-values.ts'
import type { PartStatus } from '../../kwok/lab-status.ts'
import type { LoadedRule } from '../../prometheus/prometheus-client.ts'
import { Html, html } from '../charts/html.ts'
import { pageHtml } from '../charts/page-html.ts'
import { rulesTables } from '../charts/rules-table.ts'
import type { Facts } from '../report/lab-facts.ts'
import { REFRESHES, type SelectableVariable, TIME_RANGES } from './page-selection.ts'
import type { TracedService } from './trace-links.ts'

const SCRIPT = new Html('<script src="/page.js" defer></script>')
/** The maximum number of options of a variable; other values work in the URL. */
const MAX_OPTIONS = 500

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
  /** The selection as a URL query. */
  address: string
  others: readonly LinkedDashboard[]
  alerts: Facts | string
  scenarios: readonly string[]
  verdict: Html | undefined
  /** The end of its time range. */
  untilMs: number
  prometheusUrl: string
  jaegerUrl: string | undefined
  body: AsyncIterable<Html>
}): AsyncGenerator<string> {
  const { dashboard, variables, address, others, alerts, scenarios, verdict, untilMs, prometheusUrl, jaegerUrl, body } =
    given
  const now = new Date(untilMs).toISOString()
  const { title, time } = dashboard
  const firing = typeof alerts === 'string' ? alerts : alerts.map(([name, count]) => `${name}: ${count}`).join(', ')
  const times = [...new Set([...TIME_RANGES.map(each => `now-${each}`), time.from])]
  const page = html`<header><p><a href="/">Lab</a> · ${outsideLink(prometheusUrl, 'Prometheus')}${jaegerUrl && html` · ${outsideLink(jaegerUrl, 'Jaeger')}`}</p><h1>${title}</h1>
<form class="pick" method="get">
${variables.filter(({ variable }) => variable.hide !== 'variable').map(variableInput)}
<div><label for="from">Time</label><select id="from" name="from">${times.map(each => option(each, each === time.from, each.replace('now-', 'last ')))}</select></div>
<div><label for="refresh">Refresh</label><select id="refresh" name="refresh">${REFRESHES.map(each => option(each, each === time.refresh))}</select></div>
<button>Show</button><button formmethod="post">Show and verify</button></form>
<details><summary>Other dashboards</summary><nav aria-label="Dashboards"><ul>${others.map(
    each => html`<li><a href="/d/${each.key}?${address}">${each.title}</a></li>
`,
  )}</ul></nav></details></header>
<p class="failed" role="status" id="status"></p><main id="main" data-refresh="${verdict === undefined ? time.refresh : 'off'}"><p class="note" id="state">As of <time datetime="${now}">${now.slice(0, 19).replace('T', ' ')}</time>; times are UTC. Alerts that fire: ${firing || 'none'}.${scenarios.length === 0 ? '' : ` Scenarios: ${scenarios.join(', ')}.`}</p>${verdict}
${PANELS}</main>`
  const [before = '', after = ''] = pageHtml({ title, body: page, head: SCRIPT }).split(PANELS.text)
  yield before
  for await (const { text } of body) yield text
  yield after
}

/** A page with an error. */
export function problemPage(title: string, why: string): string {
  return pageHtml({
    title,
    body: html`<main id="main"><h1>${title}</h1><p>${why}</p><p><a href="/">Lab</a></p></main>`,
  })
}

/**
 * Refreshes the content of the page at the selected interval, unless a query is open, the focus is inside or the page
 * is hidden. The server draws it.
 */
export const PAGE_SCRIPT = `
const main = document.getElementById('main')
const units = { s: 1000, m: 60000 }
const [, count, unit] = /^(\\d+)([sm])$/.exec(main.dataset.refresh) ?? []
const everyMs = Number(count) * units[unit]
async function show() {
  const isBusy = document.hidden || main.contains(document.activeElement) || main.querySelector('details[open]')
  if (!isBusy) {
    try {
      const answer = await fetch(location.href, { headers: { accept: 'text/html' }, signal: AbortSignal.timeout(60000) })
      const next = new DOMParser().parseFromString(await answer.text(), 'text/html').getElementById('main')
      const status = document.getElementById('status')
      if (!answer.ok || !next) status.textContent = 'The lab has no such page now; what is shown is old.'
      else {
        const at = [...main.querySelectorAll('.scroll')].map(each => each.scrollTop)
        main.replaceChildren(...next.childNodes)
        main.querySelectorAll('.scroll').forEach((each, index) => { each.scrollTop = at[index] ?? 0 })
        status.textContent = ''
      }
    } catch {
      document.getElementById('status').textContent = 'The lab does not answer; what is shown is old.'
    }
  }
  setTimeout(show, everyMs)
}
if (everyMs > 0) setTimeout(show, everyMs)
`

function variableInput({ variable, options, selected, refused }: SelectableVariable): Html {
  const id = `var-${variable.name}`
  const label = variable.label || variable.name
  const all = variable.includeAll ? option(ALL, selected.includes(ALL), 'All') : undefined
  const shown = [...new Set([...selected.filter(value => value !== ALL), ...options.slice(0, MAX_OPTIONS)])]
  const input =
    variable.type === 'textbox'
      ? html`<input id="${id}" name="${id}" value="${selected[0] ?? ''}">`
      : html`<select id="${id}" name="${id}" ${variable.multi ? new Html(`multiple size="${options.length > 1 ? 3 : 2}"`) : undefined}>${all}${shown.map(each => option(each, selected.includes(each)))}</select>`
  return html`<div><label for="${id}">${label}</label>${input}${refused === undefined ? undefined : html`<p class="failed">${refused}</p>`}</div>
`
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
