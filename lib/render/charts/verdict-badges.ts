import { causesText, type Failure, failureText, type PanelResult } from '../../checks/verify/verify-report.ts'
import type { Dashboard, Panel } from '../../grafana/dashboard-model.ts'
import { inWords } from '../../grafana/interpolate.ts'
import type { Answer } from './data-frames.ts'
import { type Html, html } from './html.ts'
import { type DrawContext, FORM_ID, panelBody } from './panel-html.ts'
import { LINES } from './timeseries-panel.ts'

/** Verify's results by panel id. */
export type Verdicts = ReadonlyMap<number, PanelResult>

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
  return html`<section class="panel w${width}" id="${id}" aria-labelledby="${id}.title" data-panel="${panel.id}">
<h4 id="${id}.title">${title}</h4>
${panel.description === '' ? undefined : html`<p class="about">${inWords(panel.description, options.variables)}</p>`}
${body}
<footer>${verdictBadge(options.verdicts?.get(panel.id))}${table}${queries.length === 0 ? undefined : html`<details><summary>${queries.length === 1 ? 'Query' : 'Queries'}<span class="unseen"> of ${title}</span></summary><dl>${queries}</dl></details>`}</footer>
</section>
`
}

/** The most failures in full. */
const MAX_FAILURES = 50

/** Verify's failures: their causes, and each of them below. */
export function failuresPart(failures: readonly Failure[], titles: ReadonlyMap<string, string>): Html | undefined {
  if (failures.length === 0) return undefined
  const texts = failures.slice(0, MAX_FAILURES).map(failure => failureText(failure, titles.get(failure.source)))
  const more = failures.length - MAX_FAILURES
  return html`<pre>${causesText(failures, titles)}</pre><details><summary>The failed queries</summary><pre>${texts.join('\n')}${more > 0 ? `\nand ${more} more` : ''}</pre></details>`
}

/** Verify's verdict on a panel as text. */
function verdictBadge(result: PanelResult | undefined): Html | undefined {
  if (result === undefined) return undefined
  const { ok, compared, failed, excused } = result
  if (failed > 0)
    return html`<p class="verdict failed">✗ ${failed} of ${failed + ok + excused.length} checks failed</p>`
  if (compared > 0) return html`<p class="verdict ok">✓ compared with the cluster</p>`
  if (ok > 0) return html`<p class="verdict ok">✓ has data</p>`
  return html`<p class="verdict">– ${excused.join('; ')}</p>`
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
