import { setImmediate } from 'node:timers/promises'
import { mostFrequent, plural } from '../../checks/lint/cause-lines.ts'
import type { LastVerify } from '../../checks/verify/last-verify.ts'
import { causeOf, type Failure } from '../../checks/verify/verify-report.ts'
import type { PartStatus } from '../../kwok/lab-status.ts'
import type { TimeRange } from '../../prometheus/prometheus-client.ts'
import { Html, html, numberRow, scrollTable } from '../charts/html.ts'
import { pageHtml } from '../charts/page-html.ts'
import { shortTime } from '../charts/verdict-badges.ts'
import type { Facts } from '../report/lab-facts.ts'
import type { TracedService } from './trace-links.ts'

export const SCRIPT = new Html('<script src="/page.js" defer></script>')
/** The key of the panels of the home page, which are no dashboard. */
export const HOME_KEY = '~lab'
const REFRESH = '30s'
/** The most panels of each cause of verify's failures on the home page. */
const MAX_LINKS = 3
/** The services that have pages of their own. */
const WITH_PAGES = ['alertmanager', 'grafana', 'lgtm']

/** A dashboard in a list of links. */
export interface LinkedDashboard {
  source: string
  /** The last part of its URL. */
  key: string
  title: string
  /** It is the user's, not the lab's. */
  isOwn: boolean
}

/** What the home page asks for. */
export interface HomeAnswers {
  alerts: Promise<Facts | string>
  parts: Promise<readonly PartStatus[]>
  facts: Promise<Facts>
  /** Undefined where there is no Jaeger. */
  traced: Promise<readonly TracedService[] | string> | undefined
}

/** The home page in pieces: the dashboards at once, then what must be asked for. */
export async function* homePage(given: {
  name: string
  dashboards: readonly LinkedDashboard[]
  refused: readonly string[]
  range: TimeRange
  last: LastVerify
  scenarios: readonly string[]
  panels: AsyncIterable<Html>
  /** Starts to ask for the rest, after the first piece is sent. */
  ask: () => HomeAnswers
  prometheusUrl: string
  jaegerUrl: string | undefined
}): AsyncGenerator<string> {
  const { name, dashboards, refused, range, last, scenarios, panels, prometheusUrl, jaegerUrl } = given
  const [before = '', after = ''] = pageHtml({ title: `Lab ${name}`, body: BODY, head: SCRIPT }).split(BODY.text)
  const asOf = new Date(range.untilMs).toISOString()
  yield before
  yield html`<header><h1>Lab ${name}</h1></header>
<p class="failed" role="status" id="status"></p><main id="main" class="home" data-refresh="${REFRESH}" data-query="" data-key="${HOME_KEY}" data-from="${range.fromMs}" data-until="${range.untilMs}">
${dashboardNav(dashboards, refused)}<div><p class="note" id="state">As of <time datetime="${asOf}">${asOf.slice(0, 19).replace('T', ' ')}</time> UTC.</p>`
    .text
  // What follows takes the processor; Node.js sends what is above first.
  await setImmediate()
  const asked = given.ask()
  // Each is awaited in its turn, and may fail before.
  for (const each of Object.values(asked)) each?.catch(() => {})
  for await (const { text } of panels) yield text
  yield html`<div class="columns"><section><h2>Alerts that fire</h2>${alertList(await asked.alerts)}<p><a href="/rules">Rules and their states</a></p></section>
<section><h2>Running scenarios</h2>${scenarios.length === 0 ? html`<p>none</p>` : html`<ul>${scenarios.map(each => html`<li>${each}</li>`)}</ul>`}</section>
<section><h2>Last verify</h2>${lastResults(last, dashboards)}</section></div>
`.text
  const parts = await asked.parts
  const running = parts.filter(
    part => WITH_PAGES.includes(part.name) && part.process !== undefined && part.address !== '',
  )
  const pages = [
    ['Prometheus', prometheusUrl] as const,
    ...(jaegerUrl === undefined ? [] : [['Jaeger', jaegerUrl] as const]),
    ...running.map(
      part => [`${part.name.charAt(0).toUpperCase()}${part.name.slice(1)}`, `http://${part.address}`] as const,
    ),
  ]
  yield html`<h2>Services</h2><ul class="links">${pages.map(([title, url]) => html`<li>${outsideLink(url, title)} <span class="note">${url}</span></li>`)}</ul>
${parts.length === 0 ? undefined : partTable(parts)}`.text
  if (asked.traced !== undefined) yield html`<h2>Traces</h2>${tracedList(await asked.traced)}`.text
  yield html`<h2>The lab</h2><dl class="facts">${(await asked.facts).map(
    ([fact, value]) => html`<dt>${fact}</dt><dd>${value}</dd>
`,
  )}</dl></div></main>`.text
  yield after
}

/** The place of the body. No other text is the same, since `<` is escaped. */
const BODY = new Html('<!-- body -->')

/** Links to all dashboards in groups, the user's first; a search hides others. */
function dashboardNav(dashboards: readonly LinkedDashboard[], refused: readonly string[]): Html {
  const groups = new Map<string, { key: string; words: string }[]>()
  for (const { key, title, isOwn } of [...dashboards].sort((a, b) => Number(b.isOwn) - Number(a.isOwn))) {
    const [, prefix, rest] = /^(.+) \/ (.+)$/s.exec(title) ?? []
    const group = isOwn ? 'Your dashboards' : (prefix ?? 'Lab')
    groups.set(group, [...(groups.get(group) ?? []), { key, words: isOwn ? title : (rest ?? title) }])
  }
  return html`<nav aria-label="Dashboards"><h2>Dashboards</h2><input type="search" class="script" placeholder="Search" aria-label="Search dashboards" aria-controls="dashboards">
<div id="dashboards">${[...groups].map(
    ([title, of]) =>
      html`<section><h3>${title}</h3><ul>${of.map(
        ({ key, words }) => html`<li><a href="/d/${key}">${words}</a></li>
`,
      )}</ul></section>`,
  )}</div>${refused.map(why => html`<p class="failed">${why}</p>`)}</nav>`
}

/** What verify last found: a count of dashboards, and causes with links to their panels. */
function lastResults(last: LastVerify, dashboards: readonly LinkedDashboard[]): Html {
  const known = dashboards.flatMap(each => {
    const found = last.get(each.source)
    return found === undefined ? [] : [{ ...each, ...found }]
  })
  if (known.length === 0) return html`<p>none yet: <code>make verify</code>, or the button of a dashboard</p>`
  const failed = known.filter(({ failures }) => failures.length > 0)
  const times = known.map(({ time }) => time).sort()
  const [first = '', newest = ''] = [times[0], times.at(-1)].map(time => shortTime(time ?? ''))
  const when = first === newest ? first : `${first} to ${newest}`
  const causes = mostFrequent(
    failed.flatMap(({ key, title, failures }) => failures.map(failure => ({ key, title, failure }))),
    ({ failure }) => causeOf(failure),
  )
  return html`<p class="${failed.length > 0 ? 'failed' : 'ok'}">${failed.length > 0 ? `✗ ${failed.length}` : '✓ none'} of ${known.length} dashboards failed <span class="note">at ${when} UTC</span></p>
${causes.length === 0 ? undefined : html`<ul>${causes.map(([cause, of]) => causeItem(cause, of))}</ul>`}`
}

/** A cause with links to the first panels that have it. */
function causeItem(cause: string, of: readonly { key: string; title: string; failure: Failure }[]): Html {
  const links = of.map(({ key, title, failure: { panel, panelId } }) => {
    const href = `/d/${key}${panelId === undefined ? '' : `#panel.${panelId}`}`
    return html`<li><a href="${href}">${title} / ${panel}</a></li>`
  })
  const distinct = [...new Map(links.map(each => [each.text, each])).values()]
  const more = distinct.length - MAX_LINKS
  return html`<li>${cause}<ul>${distinct.slice(0, MAX_LINKS)}${more > 0 ? html`<li>and ${plural(more, 'other')}</li>` : undefined}</ul></li>
`
}

function partTable(parts: readonly PartStatus[]): Html {
  return scrollTable('Parts of the lab', ['Part', 'State', 'Address', { number: 'Memory' }], parts.map(partRow))
}

function alertList(alerts: Facts | string): Html {
  if (typeof alerts === 'string') return html`<p class="failed">${alerts}</p>`
  if (alerts.length === 0) return html`<p>none</p>`
  return html`<ul>${alerts.map(([name, count]) => html`<li>${name}: ${count}</li>`)}</ul>`
}

function tracedList(traced: readonly TracedService[] | string): Html {
  if (typeof traced === 'string') return html`<p class="failed">${traced}</p>`
  if (traced.length === 0) return html`<p>none yet</p>`
  const rows = traced.map(({ name, spans, url }) =>
    numberRow(outsideLink(url, name), [spans === undefined ? 'not counted' : String(spans)]),
  )
  return scrollTable('Services with traces', ['Service', { number: 'Spans in the last 5 minutes' }], rows)
}

/** A link to another server. */
export function outsideLink(url: string, words: string): Html {
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
