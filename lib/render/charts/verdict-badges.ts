import { mostFrequent } from '../../checks/lint/cause-lines.ts'
import type { LastResult } from '../../checks/verify/last-verify.ts'
import {
  causeOf,
  causesText,
  type Failure,
  failureText,
  messageOf,
  type PanelResult,
} from '../../checks/verify/verify-report.ts'
import type { Dashboard, Panel } from '../../grafana/dashboard-model.ts'
import { inWords } from '../../grafana/interpolate.ts'
import type { Answer } from './data-frames.ts'
import { type Html, html } from './html.ts'
import { type DrawContext, FORM_ID, panelBody } from './panel-html.ts'
import { LINES } from './timeseries-panel.ts'

/** What verify found in one panel. */
export interface PanelVerdict {
  result: PanelResult
  failures: readonly Failure[]
  /** When (ISO 8601); undefined where the page has one time for all. */
  time?: string | undefined
}

/** Verify's results by panel id. */
export type Verdicts = ReadonlyMap<number, PanelVerdict>

/** The results of the panels of a dashboard; none without a result. */
export function panelVerdicts(last: LastResult | undefined, { hasTime = true } = {}): Verdicts {
  return new Map(
    (last?.result.byPanel ?? []).map(result => {
      const failures = last?.failures.filter(({ panelId }) => panelId === result.id) ?? []
      return [result.id, { result, failures, time: hasTime ? last?.time : undefined }]
    }),
  )
}

/**
 * A dashboard's rows and panels as HTML, in pieces: each panel as soon as it and those before it have their data. A
 * panel that can't be drawn has a note instead.
 */
export async function* dashboardBody(
  dashboard: Dashboard,
  answers: ReadonlyMap<Panel, Promise<Answer[]>>,
  options: DrawContext & { verdicts: Verdicts | undefined; idPrefix: string },
): AsyncGenerator<Html> {
  const rows = new Map<string, Panel[]>()
  for (const panel of dashboard.panels) rows.set(panel.row, [...(rows.get(panel.row) ?? []), panel])
  for (const [title, panels] of rows) {
    yield html`${title === '' ? undefined : html`<h3>${inWords(title, options.variables)}</h3>`}<div class="grid">`
    for (const panel of panels) yield await panelSection(panel, (await answers.get(panel)) ?? [], options)
    yield html`</div>
`
  }
  yield html`${skippedNote(dashboard)}`
}

/** A panel with its title, description, verdict and queries. Its id is the prefix and the panel's own. */
export async function panelSection(
  panel: Panel,
  answers: readonly Answer[],
  options: DrawContext & { verdicts: Verdicts | undefined; idPrefix: string },
): Promise<Html> {
  // Dashboard keys have no dot, so ids are unique.
  const id = `${options.idPrefix}.${panel.id}`
  const title = panel.title === '' ? 'Untitled' : inWords(panel.title, options.variables)
  const body = await panelBody({ ...panel, title }, answers, options).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error)
    return html`<p class="note">This panel could not be drawn: ${why}</p>`
  })
  const width = Math.min(24, Math.max(1, panel.gridPos.w || 24))
  const queries = answers.map(
    ({ target, expr }) => html`<dt>${target.refId}</dt><dd><code>${shortened(expr)}</code></dd>`,
  )
  const isTable = options.choices?.tables.has(panel.id) === true
  const table =
    options.choices === undefined || !LINES.includes(panel.type) || panel.targets.length === 0
      ? undefined
      : html`<button form="${FORM_ID}" name="table" value="${panel.id}/${isTable ? '' : 'on'}" aria-pressed="${String(isTable)}">Values<span class="unseen"> of ${title} as a table</span></button>`
  const about = panel.description === '' ? undefined : inWords(panel.description, options.variables)
  const description =
    about &&
    html`<details class="about drop"><summary><span aria-hidden="true">ⓘ</span><span class="unseen">Description of ${title}</span></summary><p id="${id}.about">${about}</p></details>`
  const described = about && html` aria-describedby="${id}.about"`
  return html`<section class="panel w${width}" id="${id}" aria-labelledby="${id}.title"${described} data-panel="${panel.id}">
<header><h4 id="${id}.title">${title}</h4>${description}</header>
${body}
<footer>${verdictBadge(options.verdicts?.get(panel.id))}${table}${queries.length === 0 ? undefined : html`<details><summary>${queries.length === 1 ? 'Query' : 'Queries'}<span class="unseen"> of ${title}</span></summary><dl>${queries}</dl></details>`}</footer>
</section>
`
}

/** The most failures in full. */
const MAX_FAILURES = 50

/** The URL of a failure's panel; undefined where there is none. */
export type PanelHref = (failure: Failure) => string | undefined

/** Verify's failures: their causes, the panels that have them, and each failure. */
export function failuresPart(
  failures: readonly Failure[],
  titles: ReadonlyMap<string, string>,
  hrefOf?: PanelHref,
): Html | undefined {
  if (failures.length === 0) return undefined
  const texts = failures.slice(0, MAX_FAILURES).map(failure => failureText(failure, titles.get(failure.source)))
  const more = failures.length - MAX_FAILURES
  return html`<pre>${causesText(failures, titles)}</pre>${hrefOf && panelLinks(failures, hrefOf)}<details><summary>The failed queries</summary><pre>${texts.join('\n')}${more > 0 ? `\nand ${more} more` : ''}</pre></details>`
}

/** A list of causes, each with links to its panels. */
function panelLinks(failures: readonly Failure[], hrefOf: PanelHref): Html {
  const links = failures.flatMap(failure => {
    const href = hrefOf(failure)
    return href === undefined ? [] : [{ href, cause: causeOf(failure), panel: failure.panel || failure.dashboard }]
  })
  const byCause = mostFrequent(links, ({ cause }) => cause)
  return html`<ul class="causes">${byCause.map(([cause, of]) => {
    const panels = [...new Map(of.map(each => [each.href, each.panel]))].slice(0, MAX_FAILURES)
    return html`<li>${cause}: ${panels.map(([href, panel], at) => html`${at === 0 ? '' : ', '}<a href="${href}">${panel}</a>`)}</li>
`
  })}</ul>`
}

/** The most causes below a panel. */
const MAX_CAUSES = 3

/** Verify's verdict on a panel as text, with its causes and its time. */
function verdictBadge(verdict: PanelVerdict | undefined): Html | undefined {
  if (verdict === undefined) return undefined
  const { ok, compared, failed, excused } = verdict.result
  const when = verdict.time && html` <time class="note" datetime="${verdict.time}">at ${shortTime(verdict.time)}</time>`
  if (failed === 0) {
    if (compared > 0) return html`<p class="verdict ok">✓ compared with the cluster${when}</p>`
    if (ok > 0) return html`<p class="verdict ok">✓ has data${when}</p>`
    return html`<p class="verdict">– ${excused.join('; ')}${when}</p>`
  }
  const causes = [...new Set(verdict.failures.map(each => `${causeOf(each)}: ${messageOf(each)}`))]
  const shown = causes.slice(0, MAX_CAUSES).map(cause => html`<li>${shortened(cause)}</li>`)
  const rest = causes.length > MAX_CAUSES ? html`<li>and ${causes.length - MAX_CAUSES} more</li>` : undefined
  return html`<div class="verdict"><p class="verdict failed">✗ ${failed} of ${failed + ok + excused.length} checks failed${when}</p>${shown.length === 0 ? undefined : html`<ul>${shown}${rest}</ul>`}</div>`
}

/** A time of verify: of today without the date. */
export function shortTime(time: string, nowMs = Date.now()): string {
  const isToday = time.slice(0, 10) === new Date(nowMs).toISOString().slice(0, 10)
  return isToday ? time.slice(11, 16) : time.slice(0, 16).replace('T', ' ')
}

function skippedNote({ skipped }: Dashboard): Html | undefined {
  if (skipped.length === 0) return undefined
  return html`<h3>Not drawn</h3><ul>${skipped.map(
    ({ kind, name, refId, reason }) => html`<li>${kind} ${name} ${refId}: ${reason}</li>`,
  )}</ul>`
}

/** A query can hold the names of ten thousand pods. */
function shortened(expr: string): string {
  return expr.length <= 2_000 ? expr : `${expr.slice(0, 2_000)} … (${expr.length} characters)`
}
