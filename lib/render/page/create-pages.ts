import { type LastResult, type LastVerify, resultsOf } from '../../checks/verify/last-verify.ts'
import { dashboardRange } from '../../checks/verify/panel-queries.ts'
import type { DashboardToVerify } from '../../checks/verify/verify.ts'
import {
  type Failure,
  nothingChecked,
  otherResult,
  RULES,
  type VerifyReport,
} from '../../checks/verify/verify-report.ts'
import { LabError } from '../../cli/errors.ts'
import { dashboardKeys, shownTitles } from '../../grafana/dashboard-identity.ts'
import type { Dashboard } from '../../grafana/dashboard-model.ts'
import { grafanaData } from '../../grafana/grafana-data.ts'
import { isEpoch } from '../../grafana/query-interval.ts'
import type { PartStatus } from '../../kwok/lab-status.ts'
import { createPrometheusApi, type PrometheusApi } from '../../prometheus/prometheus-client.ts'
import type { ScenarioSpan } from '../../scenarios/scenario-journal.ts'
import { chartMarks } from '../charts/chart-marks.ts'
import type { DrawChart } from '../charts/echarts-option.ts'
import type { DrawnLink } from '../charts/field-links.ts'
import { type Html, html } from '../charts/html.ts'
import { chartPoints } from '../charts/panel-html.ts'
import { queryPanels } from '../charts/query-panels.ts'
import {
  dashboardBody,
  failuresPart,
  panelLink,
  panelSection,
  panelVerdicts,
  shortTime,
} from '../charts/verdict-badges.ts'
import { type Facts, firingAlerts } from '../report/lab-facts.ts'
import { HOME_KEY, homePage, type LinkedDashboard } from './home-page.ts'
import { dashboardPage, type OpenedDashboard, rulesPage, variableOptionList } from './page-layout.ts'
import { panelChoices, selectedVariables, withTime } from './page-selection.ts'
import type { PageAnswer, Pages } from './page-server.ts'
import { exploredTraces, tracedServices } from './trace-links.ts'

/** The data of the pages, read for each page. */
export interface PageSources {
  name: string
  prometheusUrl: string
  /** Undefined without Jaeger. */
  jaegerUrl: string | undefined
  scrapeMs: number
  drawChart: DrawChart
  /** The current dashboards, and the errors of files that can't be read. */
  dashboards: () => { dashboards: readonly DashboardToVerify[]; refused: readonly string[] }
  /** The panels at the top of the home page. */
  glance: Dashboard
  facts: () => Promise<Facts>
  /** The running scenarios, as text. */
  scenarios: () => readonly string[]
  /** The scenarios that ran and run, for the marks in charts. */
  spans: () => readonly ScenarioSpan[]
  /** What verify last found. */
  lastVerify: () => LastVerify
  parts: () => Promise<readonly PartStatus[]>
  verify: (dashboard: DashboardToVerify, api: PrometheusApi) => Promise<VerifyReport>
}

/** The pages of a lab: its home page, its rules, and one for each dashboard. */
export function createPages(sources: PageSources, { timeoutMs = 20_000 }: { timeoutMs?: number } = {}): Pages {
  // A client for each page caches its answers, so that each different query runs once. Queries without an answer
  // after this time are reported on the page.
  const open = (forMs: number) => createPrometheusApi(sources.prometheusUrl, { signal: AbortSignal.timeout(forMs) })
  const verifyOnce = oneVerifyAtATime(sources.verify)
  // Of a Prometheus that is not the lab's, nothing is kept elsewhere.
  const verifiedHere = new Map<string, LastResult>()
  const given = { ...sources, lastVerify: () => newest(sources.lastVerify(), verifiedHere) }
  return async request => {
    const api = open(timeoutMs)
    if (request.path === '/') return home({ ...given, api })
    if (request.path === '/rules')
      return rulesPage(sources.name, await orMessage(api.rules()), sources.lastVerify().get(RULES))
    const [, kind, uid] = /^\/(d|panel|points|options)\/([^/]+)(?:\/[^/]*)?$/.exec(request.path) ?? []
    const wanted = uid === undefined ? undefined : findDashboard(decoded(uid), sources)
    if (wanted === undefined) return undefined
    const { query } = request
    if (kind === 'options') return await optionsOf(wanted, query, { ...given, api })
    if (kind !== 'd') return await panelOf(wanted, query, { sources: { ...given, api }, asPoints: kind === 'points' })
    if (!request.isPosted) return await dashboardOf(wanted, query, { ...given, api })
    // Verify runs many more queries than a page.
    const report = await orMessage(verifyOnce(wanted, open(10 * timeoutMs)))
    if (typeof report === 'string') return await dashboardOf(wanted, query, { ...given, api: open(timeoutMs) }, report)
    const { source, title } = wanted.dashboard
    const { time, failures } = report
    const other = { time, failures, result: otherResult(title, { source, failed: failures.length }) }
    verifiedHere.set(source, resultsOf(report).get(source) ?? other)
    for (const name of ['start', 'end', 'range']) query.delete(name)
    return { redirect: `${request.path}?${query}` }
  }
}

/** The results of two sources, of each dashboard the newest. */
function newest(one: LastVerify, other: LastVerify): LastVerify {
  const all = new Map(one)
  for (const [source, result] of other) if (result.time > (all.get(source)?.time ?? '')) all.set(source, result)
  return all
}

async function* home(sources: PageSources & { api: PrometheusApi }): AsyncGenerator<string> {
  const { name, prometheusUrl, jaegerUrl, glance, api, scrapeMs } = sources
  const { dashboards, refused } = sources.dashboards()
  const nowMs = Date.now()
  const panels = async function* () {
    const wanted = { dashboard: glance, expectations: undefined }
    const { dashboard, selection, context } = await openDashboard(wanted, new URLSearchParams(), { sources, nowMs })
    const shown = queryPanels(dashboard, selection, { api, untilMs: nowMs, scrapeMs })
    yield* dashboardBody(dashboard, shown, { ...context, choices: undefined, verdicts: undefined })
  }
  // The next page is a dashboard, whose libraries take a second to load; this loads them in advance.
  setTimeout(grafanaData, 100).unref()
  yield* homePage({
    name,
    refused,
    prometheusUrl,
    jaegerUrl,
    dashboards: linkedDashboards(dashboards),
    range: dashboardRange(glance, nowMs),
    last: sources.lastVerify(),
    scenarios: sources.scenarios(),
    ask: () => ({
      parts: sources.parts(),
      facts: sources.facts(),
      alerts: orMessage(firingAlerts(api, nowMs)),
      traced: jaegerUrl === undefined ? undefined : orMessage(tracedServices(jaegerUrl, api, nowMs)),
    }),
    panels: panels(),
  })
}

function findDashboard(uid: string, sources: PageSources): DashboardToVerify | undefined {
  if (uid === HOME_KEY) return { dashboard: sources.glance, expectations: undefined }
  const { dashboards } = sources.dashboards()
  const source = linkedDashboards(dashboards).find(each => each.key === uid)?.source
  return dashboards.find(({ dashboard }) =>
    source === undefined ? dashboard.uid === uid : dashboard.source === source,
  )
}

/** Selects time range, variables and panels of a dashboard; its panels are drawn at `nowMs` unless the URL has a fixed range. */
async function openDashboard(
  { dashboard: read }: DashboardToVerify,
  query: URLSearchParams,
  { sources, nowMs }: { sources: PageSources & { api: PrometheusApi }; nowMs: number },
): Promise<OpenedDashboard> {
  const { jaegerUrl, drawChart, scrapeMs, api } = sources
  const dashboard = withTime(read, query)
  const untilMs = isEpoch(dashboard.time.to) ? Number(dashboard.time.to) : nowMs
  const range = dashboardRange(dashboard, untilMs)
  const { variables, selection } = await selectedVariables(dashboard, query, { api, range })
  const known = new Set(sources.dashboards().dashboards.map(each => each.dashboard.uid))
  const { from, to, refresh } = dashboard.time
  const context = {
    drawChart,
    range,
    variables: selection.values,
    idPrefix: 'panel',
    choices: panelChoices(query),
    marks: await chartMarks(range, { api, spans: sources.spans(), scrapeMs }),
    verdicts: panelVerdicts(sources.lastVerify().get(dashboard.source)),
    time: new URLSearchParams({ from, to, refresh }).toString(),
    hrefOf: ({ url }: DrawnLink, linked: string | undefined) =>
      linked === undefined ? outsideUrl(url, jaegerUrl) : known.has(linked) ? url : undefined,
  }
  return { dashboard, variables, selection, untilMs, context }
}

async function dashboardOf(
  wanted: DashboardToVerify,
  query: URLSearchParams,
  sources: PageSources & { api: PrometheusApi },
  problem?: string,
): Promise<AsyncIterable<string>> {
  const { prometheusUrl, jaegerUrl, scrapeMs, api } = sources
  const opened = await openDashboard(wanted, query, { sources, nowMs: Date.now() })
  const { dashboard, selection, untilMs, context } = opened
  const alerts = await orMessage(firingAlerts(api, untilMs))
  const tabs = tabsOf(dashboard)
  const tab = tabs.find(each => each === context.choices.tab) ?? tabs[0] ?? ''
  const shown = { ...dashboard, panels: dashboard.panels.filter(({ place }) => place.tab === '' || place.tab === tab) }
  const panels = queryPanels(shown, selection, { api, untilMs, scrapeMs })
  const last = sources.lastVerify().get(dashboard.source)
  const others = linkedDashboards(sources.dashboards().dashboards)
  return dashboardPage(opened, {
    key: others.find(({ source }) => source === dashboard.source)?.key ?? '',
    others,
    alerts,
    scenarios: sources.scenarios(),
    verdict: problem === undefined ? last && verdictPart(last, dashboard) : html`<p class="failed">${problem}</p>`,
    prometheusUrl,
    jaegerUrl,
    links: dashboard.links.map(link => panelLink(link, context)),
    tabs,
    tab,
    body: dashboardBody(shown, panels, context),
  })
}

/** The values of one variable of a dashboard that contain a text. */
async function optionsOf(
  wanted: DashboardToVerify,
  query: URLSearchParams,
  sources: PageSources & { api: PrometheusApi },
): Promise<string | undefined> {
  const { variables } = await openDashboard(wanted, query, { sources, nowMs: Date.now() })
  const found = variables.find(({ variable }) => variable.name === query.get('variable'))
  return found && variableOptionList(found, query.get('find') ?? '').text
}

/** One panel of a dashboard, or the points of its chart; `panel` in the URL has its id. */
async function panelOf(
  wanted: DashboardToVerify,
  query: URLSearchParams,
  { sources, asPoints }: { sources: PageSources & { api: PrometheusApi }; asPoints: boolean },
): Promise<PageAnswer | undefined> {
  const [, id] = /^(\d+)(?:-\d+)?$/.exec(query.get('panel') ?? '') ?? []
  const panels = wanted.dashboard.panels.filter(panel => String(panel.id) === id)
  if (panels.length === 0) return undefined
  const { api, scrapeMs } = sources
  const { dashboard, selection, untilMs, context } = await openDashboard(wanted, query, { sources, nowMs: Date.now() })
  const all = queryPanels({ ...dashboard, panels }, selection, { api, untilMs, scrapeMs })
  const found = all.find(({ key }) => key === query.get('panel'))
  if (found === undefined) return undefined
  const { panel, key } = found
  const own = { ...context, key, variables: found.selection.values }
  if (asPoints) return { json: await chartPoints(panel, await found.answers, own) }
  return (await panelSection(found, context)).text
}

/** The tabs of a dashboard, in order. */
function tabsOf({ panels }: Dashboard): string[] {
  return [...new Set(panels.map(({ place }) => place.tab))].filter(tab => tab !== '')
}

/** Verify's last verdict on a dashboard. Verify selects variables by itself, so it is on more than what is shown. */
function verdictPart({ result, failures, time }: LastResult, { panels }: Dashboard): Html {
  const when = html` <time class="note" datetime="${time}">at ${shortTime(time)} UTC</time>`
  if (failures.length === 0 && result.verdict === 'not applicable')
    return html`<p class="verdict">– verify: not applicable here: no ${result.notApplicable}${when}</p>`
  const nothing = nothingChecked({ dashboards: [result], failures: [...failures] })
  const good = nothing === undefined ? '✓ verify: nothing failed' : `– verify: ${nothing.message}`
  const words = failures.length > 0 ? `✗ verify: ${failures.length} failed` : good
  const checked = `${result.queries} queries with each variable as All, one value and several, ${result.compared} compared with the cluster`
  const hrefOf = ({ panelId }: Failure) => {
    const tab = panels.find(({ id }) => id === panelId)?.place.tab
    const query = tab ? `?${new URLSearchParams({ tab })}` : ''
    return panelId === undefined ? undefined : `${query}#panel.${panelId}`
  }
  return html`<p class="${failures.length > 0 || nothing !== undefined ? 'failed' : 'ok'}">${words}; ${checked}${when}</p>
${failuresPart(failures, new Map(), hrefOf)}`
}

/**
 * Verify takes seconds of a whole CPU. A second request for the same dashboard gets the same report, one for another
 * dashboard an error.
 */
function oneVerifyAtATime(verify: PageSources['verify']): PageSources['verify'] {
  let running: { title: string; source: string; report: Promise<VerifyReport> } | undefined
  return async (wanted, api) => {
    const { source, title } = wanted.dashboard
    if (running?.source === source) return await running.report
    if (running !== undefined) {
      throw new LabError(`Cannot verify ${title} now`, { why: `verify of ${running.title} is still running` })
    }
    const report = verify(wanted, api)
    running = { title, source, report }
    return await report.finally(() => {
      running = undefined
    })
  }
}

function linkedDashboards(dashboards: readonly DashboardToVerify[]): LinkedDashboard[] {
  const all = dashboards.map(({ dashboard }) => dashboard)
  const [keys, titles] = [dashboardKeys(all), shownTitles(all)]
  return dashboards.map(({ dashboard: { source, title }, expectations }) => ({
    ...{ source, key: keys.get(source) ?? '', title: titles.get(source) ?? title },
    isOwn: expectations === undefined,
  }))
}

/** A value, or its error as text: a page shows the rest. */
async function orMessage<T>(answer: Promise<T>): Promise<T | string> {
  return await answer.catch((error: unknown) => {
    if (error instanceof LabError) return error.message
    throw error
  })
}

/** The URL of a link that is not to a dashboard. Grafana's own pages do not exist here. */
function outsideUrl(url: string, jaegerUrl: string | undefined): string | undefined {
  if (!url.startsWith('/')) return url
  return jaegerUrl === undefined ? undefined : exploredTraces(url, jaegerUrl)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
