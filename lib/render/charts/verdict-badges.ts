import { mostFrequent, plural } from '../../checks/lint/cause-lines.ts'
import type { LastResult } from '../../checks/verify/last-verify.ts'
import {
  causeOf,
  causesOf,
  causeTexts,
  type Failure,
  failureText,
  type PanelResult,
  panelWord,
} from '../../checks/verify/verify-report.ts'
import type { Dashboard, Link } from '../../grafana/dashboard-model.ts'
import { inWords } from '../../grafana/interpolate.ts'
import { dashboardOf, linkUrl } from './field-links.ts'
import { Html, html } from './html.ts'
import { type DrawContext, FORM_ID, OVER_TIME, panelBody } from './panel-html.ts'
import type { QueriedPanel } from './query-panels.ts'

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

type BodyContext = DrawContext & { verdicts: Verdicts | undefined; idPrefix: string }

/**
 * A dashboard's rows and panels as HTML, in pieces: each panel as soon as it and those before it have their data. A
 * panel that can't be drawn has a note instead. A row can be closed, and a collapsed one is.
 */
export async function* dashboardBody(
  dashboard: Dashboard,
  panels: readonly QueriedPanel[],
  context: BodyContext,
): AsyncGenerator<Html> {
  const rows = new Map<string, QueriedPanel[]>()
  for (const panel of panels) rows.set(panel.row.key, [...(rows.get(panel.row.key) ?? []), panel])
  for (const of of rows.values()) {
    const { row, panel } = of[0] ?? {}
    // The row of a tab without rows has the name of the tab, which is above.
    const title = context.choices !== undefined && row?.title === panel?.place.tab ? '' : (row?.title ?? '')
    if (title !== '') {
      yield html`<details class="row" id="${context.idPrefix}.row-${row?.key}"${row?.isCollapsed ? undefined : new Html(' open')}><summary><h3>${title}</h3>${row?.isCollapsed ? html` <span class="note">${plural(of.length, 'panel')}</span>` : undefined}</summary>`
    }
    yield html`<div class="grid">`
    for (const each of of) {
      // Copies side by side begin below what is before them.
      if (each.panel.repeat.variable !== '' && each.isFirst) yield html`<div class="break"></div>`
      yield await panelSection(each, context)
    }
    yield html`</div>${title === '' ? undefined : new Html('</details>')}
`
  }
  yield html`${skippedNote(dashboard)}`
}

/** A panel with its title, links, description, verdict and queries. Its id is the prefix and the panel's own. */
export async function panelSection(
  { panel, key, selection, answers: asked, omitted }: QueriedPanel,
  given: BodyContext,
): Promise<Html> {
  const options = { ...given, key, variables: selection.values }
  const answers = await asked
  // Dashboard keys have no dot, so ids are unique.
  const id = `${options.idPrefix}.${key}`
  const title = panel.title === '' ? 'Untitled' : inWords(panel.title, options.variables)
  const body = await panelBody({ ...panel, title }, answers, options).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error)
    return html`<p class="note">This panel could not be drawn: ${why}</p>`
  })
  const width = Math.min(24, Math.max(1, panel.gridPos.w || 24))
  const queries = answers.map(
    ({ target, expr }) => html`<dt>${target.refId}</dt><dd><code>${shortened(expr)}</code></dd>`,
  )
  const isTable = options.choices?.tables.has(key) === true
  const table =
    options.choices === undefined || !OVER_TIME.includes(panel.type) || panel.targets.length === 0
      ? undefined
      : html`<button form="${FORM_ID}" name="table" value="${key}/${isTable ? '' : 'on'}" aria-pressed="${String(isTable)}">Values<span class="unseen"> of ${title} as a table</span></button>`
  const about = panel.description === '' ? undefined : inWords(panel.description, options.variables)
  const description =
    about &&
    html`<details class="about drop"><summary><span aria-hidden="true">i</span><span class="unseen">Description of ${title}</span></summary><p id="${id}.about">${about}</p></details>`
  const links = panel.ownLinks.map(link => panelLink(link, options))
  const described = about && html` aria-describedby="${id}.about"`
  return html`<section class="panel w${width}" id="${id}" aria-labelledby="${id}.title"${described} data-panel="${key}">
<header><h4 id="${id}.title"${panel.title === '' ? new Html(' class="unseen"') : undefined}>${title}</h4>${links}${description}</header>
${body}${omitted > 0 ? html`<p class="note">${omitted} more copies are left out; select fewer values.</p>` : undefined}
<footer>${verdictBadge(options.verdicts?.get(panel.id))}${table}${queries.length === 0 ? undefined : html`<details><summary>${queries.length === 1 ? 'Query' : 'Queries'}<span class="unseen"> of ${title}</span></summary><dl>${queries}</dl></details>`}</footer>
</section>
`
}

/** A link of a panel or dashboard; undefined where it leads nowhere here. */
export function panelLink(
  { title, url }: Link,
  context: Pick<DrawContext, 'variables' | 'time' | 'hrefOf'>,
): Html | undefined {
  const link = { title: inWords(title, context.variables), url: linkUrl(url, context) }
  const href = link.url === undefined ? undefined : context.hrefOf({ ...link, url: link.url }, dashboardOf(link.url))
  return href === undefined ? undefined : html`<a href="${href}" rel="noreferrer">${link.title || href}</a>`
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
  const causes = causeTexts(failures, titles).map(([line = '', ...messages]) => {
    const [, name, counts] = /^([^:]*)(.*)$/s.exec(line) ?? []
    return html`<li><strong>${name}</strong>${counts}<ul>${messages.map(each => html`<li>${each.trim()}</li>`)}</ul></li>
`
  })
  return html`<ul>${causes}</ul>${hrefOf && panelLinks(failures, hrefOf)}<details><summary>The failed queries</summary><pre>${texts.join('\n')}${more > 0 ? `\nand ${more} more` : ''}</pre></details>`
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
  const { ok, failed, excused } = verdict.result
  const word = panelWord(verdict.result)
  const when = verdict.time && html` <time class="note" datetime="${verdict.time}">at ${shortTime(verdict.time)}</time>`
  if (word === 'excused') return html`<p class="verdict">– ${excused.join('; ')}${when}</p>`
  if (word !== 'failed')
    return html`<p class="verdict ok">✓ ${word === 'compared' ? 'compared with the cluster' : word}${when}</p>`
  const causes = causesOf(verdict.failures)
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
