import { dashboardRange } from '../../checks/verify/panel-queries.ts'
import type { VariableSelection } from '../../checks/verify/variable-selection.ts'
import type { DashboardToVerify } from '../../checks/verify/verify.ts'
import { nothingChecked, type VerifyReport } from '../../checks/verify/verify-report.ts'
import { LabError } from '../../cli/errors.ts'
import { dashboardKeys, shownTitles } from '../../grafana/dashboard-identity.ts'
import type { Dashboard } from '../../grafana/dashboard-model.ts'
import { grafanaData } from '../../grafana/grafana-data.ts'
import { isEpoch } from '../../grafana/query-interval.ts'
import type { PartStatus } from '../../kwok/lab-status.ts'
import { createPrometheusApi, type PrometheusApi } from '../../prometheus/prometheus-client.ts'
import type { DrawChart } from '../charts/echarts-option.ts'
import type { DrawnLink } from '../charts/field-links.ts'
import { type Html, html } from '../charts/html.ts'
import { chartPoints, type DrawContext, type PanelChoices } from '../charts/panel-html.ts'
import { queryPanels } from '../charts/query-panels.ts'
import { dashboardBody, failuresPart, panelSection, type Verdicts } from '../charts/verdict-badges.ts'
import { type Facts, firingAlerts } from '../report/lab-facts.ts'
import { dashboardPage, homePage, type LinkedDashboard, rulesPage, variableOptionList } from './page-layout.ts'
import { panelChoices, type SelectableVariable, selectedVariables, withTime } from './page-selection.ts'
import type { PageAnswer, PageRequest, Pages } from './page-server.ts'
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
  facts: () => Promise<Facts>
  /** The running scenarios, as text. */
  scenarios: () => readonly string[]
  parts: () => Promise<readonly PartStatus[]>
  verify: (dashboard: DashboardToVerify, api: PrometheusApi) => Promise<VerifyReport>
}

/** The pages of a lab: its home page, its rules, and one for each dashboard. */
export function createPages(sources: PageSources, { timeoutMs = 20_000 }: { timeoutMs?: number } = {}): Pages {
  // A client for each page caches its answers, so that each different query runs once. Queries without an answer
  // after this time are reported on the page.
  const open = (forMs: number) => createPrometheusApi(sources.prometheusUrl, { signal: AbortSignal.timeout(forMs) })
  const verifyOnce = oneVerifyAtATime(sources.verify)
  return async request => {
    if (request.path === '/') return await home(sources, open(timeoutMs))
    if (request.path === '/rules') return rulesPage(sources.name, await orMessage(open(timeoutMs).rules()))
    const [, kind, uid] = /^\/(d|panel|points|options)\/([^/]+)(?:\/[^/]*)?$/.exec(request.path) ?? []
    if (uid === undefined) return undefined
    // Verify runs many more queries than a page.
    const api = open(request.isPosted ? 10 * timeoutMs : timeoutMs)
    const given = { ...sources, verify: verifyOnce, api }
    if (kind === 'd') return await dashboardOf(decoded(uid), request, given)
    if (kind === 'options') return await optionsOf(decoded(uid), request.query, given)
    return await panelOf(decoded(uid), request.query, { sources: given, asPoints: kind === 'points' })
  }
}

async function home(sources: PageSources, api: PrometheusApi): Promise<string> {
  const { dashboards, refused } = sources.dashboards()
  const { name, prometheusUrl, jaegerUrl } = sources
  const nowMs = Date.now()
  const [facts, parts, alerts, traced] = await Promise.all([
    sources.facts(),
    sources.parts(),
    orMessage(firingAlerts(api, nowMs)),
    jaegerUrl === undefined ? undefined : orMessage(tracedServices(jaegerUrl, api, nowMs)),
  ])
  const listed = linkedDashboards(dashboards)
  // The next page is a dashboard, whose libraries take a second to load; this loads them in advance.
  setTimeout(grafanaData, 100).unref()
  return homePage({ name, facts, parts, alerts, traced, dashboards: listed, refused, prometheusUrl, jaegerUrl })
}

/** A dashboard as a URL selects it. */
interface OpenedDashboard {
  dashboard: Dashboard
  variables: readonly SelectableVariable[]
  selection: VariableSelection
  untilMs: number
  context: DrawContext & { idPrefix: string; choices: PanelChoices }
}

function findDashboard(uid: string, dashboards: readonly DashboardToVerify[]): DashboardToVerify | undefined {
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
  const { jaegerUrl, drawChart, api } = sources
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
    time: new URLSearchParams({ from, to, refresh }).toString(),
    hrefOf: ({ url }: DrawnLink, linked: string | undefined) =>
      linked === undefined ? outsideUrl(url, jaegerUrl) : known.has(linked) ? url : undefined,
  }
  return { dashboard, variables, selection, untilMs, context }
}

async function dashboardOf(
  uid: string,
  { query, isPosted }: PageRequest,
  sources: PageSources & { api: PrometheusApi },
): Promise<AsyncIterable<string> | undefined> {
  const { dashboards } = sources.dashboards()
  const wanted = findDashboard(uid, dashboards)
  if (wanted === undefined) return undefined
  const { prometheusUrl, jaegerUrl, scrapeMs, api } = sources
  const verdict = isPosted ? await orMessage(verdictOf(sources, wanted, api)) : undefined
  const verified = typeof verdict === 'string' ? undefined : verdict
  const nowMs = verified?.untilMs ?? Date.now()
  const { dashboard, variables, selection, untilMs, context } = await openDashboard(wanted, query, { sources, nowMs })
  const alerts = await orMessage(firingAlerts(api, untilMs))
  const answers = queryPanels(dashboard, selection, { api, untilMs, scrapeMs })
  return dashboardPage({
    dashboard,
    variables,
    choices: context.choices,
    range: context.range,
    others: linkedDashboards(dashboards),
    alerts,
    scenarios: sources.scenarios(),
    verdict: typeof verdict === 'string' ? html`<p class="failed">${verdict}</p>` : verified?.summary,
    prometheusUrl,
    jaegerUrl,
    body: dashboardBody(dashboard, answers, { ...context, verdicts: verified?.verdicts }),
  })
}

/** The values of one variable of a dashboard that contain a text. */
async function optionsOf(
  uid: string,
  query: URLSearchParams,
  sources: PageSources & { api: PrometheusApi },
): Promise<string | undefined> {
  const wanted = findDashboard(uid, sources.dashboards().dashboards)
  if (wanted === undefined) return undefined
  const { variables } = await openDashboard(wanted, query, { sources, nowMs: Date.now() })
  const found = variables.find(({ variable }) => variable.name === query.get('variable'))
  return found && variableOptionList(found, query.get('find') ?? '').text
}

/** One panel of a dashboard, or the points of its chart; `panel` in the URL has its id. */
async function panelOf(
  uid: string,
  query: URLSearchParams,
  { sources, asPoints }: { sources: PageSources & { api: PrometheusApi }; asPoints: boolean },
): Promise<PageAnswer | undefined> {
  const wanted = findDashboard(uid, sources.dashboards().dashboards)
  const panel = wanted?.dashboard.panels.find(({ id }) => String(id) === query.get('panel'))
  if (wanted === undefined || panel === undefined) return undefined
  const { api, scrapeMs } = sources
  const { dashboard, selection, untilMs, context } = await openDashboard(wanted, query, { sources, nowMs: Date.now() })
  const all = queryPanels({ ...dashboard, panels: [panel] }, selection, { api, untilMs, scrapeMs })
  const answers = (await all.get(panel)) ?? []
  if (asPoints) return { json: await chartPoints(panel, answers, context) }
  return (await panelSection(panel, answers, { ...context, verdicts: undefined })).text
}

/** Verifies one dashboard now. Verify selects variables by itself, so the verdict is on more than what is shown. */
async function verdictOf(
  { verify }: PageSources,
  wanted: DashboardToVerify,
  api: PrometheusApi,
): Promise<{ summary: Html; verdicts: Verdicts; untilMs: number }> {
  const verified = await verify(wanted, api)
  const { dashboards, failures, time } = verified
  const result = dashboards.find(({ source }) => source === wanted.dashboard.source)
  const verdicts = new Map((result?.byPanel ?? []).map(each => [each.id, each]))
  const untilMs = Date.parse(time)
  if (failures.length === 0 && result?.verdict === 'not applicable') {
    const summary = html`<p class="verdict">– verify: not applicable here: no ${result.notApplicable}</p>`
    return { summary, verdicts, untilMs }
  }
  const nothing = nothingChecked(verified)
  const good = nothing === undefined ? '✓ verify: nothing failed' : `– verify: ${nothing.message}`
  const words = failures.length > 0 ? `✗ verify: ${failures.length} failed` : good
  const checked = `${result?.queries ?? 0} queries with each variable as All, one value and several, ${result?.compared ?? 0} compared with the cluster`
  return {
    summary: html`<p class="${failures.length > 0 || nothing !== undefined ? 'failed' : 'ok'}">${words}; ${checked}</p>
${failuresPart(failures, new Map())}`,
    verdicts,
    untilMs,
  }
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
  return all.map(({ source, title }) => ({ source, key: keys.get(source) ?? '', title: titles.get(source) ?? title }))
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
