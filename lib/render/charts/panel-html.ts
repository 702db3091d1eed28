import type { DataFrame } from '@grafana/data'
import { withConsoleLines } from '../../grafana/console-lines.ts'
import type { Panel } from '../../grafana/dashboard-model.ts'
import { transformed, withFieldConfig } from '../../grafana/grafana-data.ts'
import { interpolate, inWords } from '../../grafana/interpolate.ts'
import { patternFaults, withoutBadOverrides } from '../../grafana/panel-patterns.ts'
import { fields, text } from '../../kube/json.ts'
import { withTimeLimit } from '../../system/time-limit.ts'
import { type Answer, framesOf } from './data-frames.ts'
import { chartOption, type DrawChart } from './echarts-option.ts'
import { type DrawnLink, dashboardOf, type LinkContext } from './field-links.ts'
import { Html, html, safeColor } from './html.ts'
import { tableOf } from './table-panel.ts'
import { LINES, timeseriesOf } from './timeseries-panel.ts'
import { valuesOf } from './value-panel.ts'

/** The context of a drawing. */
export interface DrawContext extends LinkContext {
  drawChart: DrawChart
  range: { fromMs: number; untilMs: number }
  /** The URL of a link on this page; undefined where it leads nowhere. */
  hrefOf: (link: DrawnLink, uid: string | undefined) => string | undefined
  /** The time limit of each transformation and of the drawing of one panel. */
  limitMs?: number
}

/** More than the largest panel of a large lab takes: only catastrophic backtracking takes longer. */
const LIMIT_MS = 10_000
/** The limits of a panel; a note states what is omitted. */
const MAX_VALUES = 60
const MAX_ROWS = 100
const MAX_REMARKS = 5
/** The minimum width of a wide panel, in the 24 columns of the grid. */
const WIDE = 18

const VALUES = ['stat', 'singlestat', 'gauge', 'bargauge']
const TABLES = ['table', 'table-old']

/** A panel as HTML: drawn by its type, or its data as a table for unknown types. */
export async function panelBody(panel: Panel, answers: readonly Answer[], context: DrawContext): Promise<Html> {
  if (panel.type === 'text') return textBody(panel, context)
  const refused = answers.flatMap(({ target, refused: why }) => (why === undefined ? [] : [`${target.refId}: ${why}`]))
  const problems = refused.map(why => html`<p class="note">Prometheus gave no answer to ${why}</p>`)
  if (panel.targets.length === 0) return html`<p class="note">This panel has no query that Prometheus can answer.</p>`
  const withVariables = (given: string) => interpolate(given, context.variables)
  const logged = new Set<string>()
  const given = { interpolate: withVariables, limitMs: context.limitMs ?? LIMIT_MS, logged }
  const { frames: raw, unknown } = await transformed(framesOf(answers), panel.transformations, given)
  const notes = [
    ...unknown.map(id => html`<p class="note">The transformation ${id} is not known here and was left out.</p>`),
    ...patternFaults(panel).map(fault => html`<p class="note">Left out: ${fault}.</p>`),
  ]
  if (panel.repeats.length > 0) {
    const names = panel.repeats.join(', ')
    notes.push(html`<p class="note">Grafana repeats this panel for each value of ${names}; here it is drawn once.</p>`)
  }
  const omitted = answers.reduce((sum, answer) => sum + (answer.omitted ?? 0), 0)
  const usable = withoutBadOverrides(panel)
  const draw = () => {
    const frames = withFieldConfig(raw, panel.type, usable.fieldConfig)
    if (frames.every(({ length }) => length === 0)) {
      return html`<p class="empty">${text(panel.fieldConfig.defaults['noValue']) ?? 'No data'}</p>`
    }
    return drawn(usable, frames, { ...context, omitted })
  }
  const body = withConsoleLines(logged, () => withTimeLimit(draw, { what: 'drawing', limitMs: given.limitMs }))
  const remarks = [...logged]
    .slice(0, MAX_REMARKS)
    .map(line => html`<p class="note">Grafana’s code reports: ${line}</p>`)
  return html`${problems}${notes}${remarks}${body}`
}

function drawn(panel: Panel, frames: DataFrame[], context: DrawContext & { omitted: number }): Html {
  if (LINES.includes(panel.type)) return timeseriesBody(panel, frames, context)
  if (VALUES.includes(panel.type)) return valuesBody(panel, frames)
  if (TABLES.includes(panel.type)) return tableBody(panel, frames, context)
  return html`<p class="note">Panels of kind ${panel.type} are not drawn here; this is their data.</p>
${tableBody(panel, frames, context)}`
}

function timeseriesBody(panel: Panel, frames: DataFrame[], context: DrawContext & { omitted: number }): Html {
  const lines = timeseriesOf(panel, frames, context.omitted)
  if (lines.series.length === 0) return tableBody(panel, frames, context)
  const isWide = panel.gridPos.w >= WIDE
  const svg = new Html(context.drawChart(chartOption(lines, context.range), { isWide }))
  const legend = html`<div class="scroll legend" tabindex="0" role="region" aria-label="Legend of ${panel.title}"><table>
<thead><tr><th scope="col">Series</th>${lines.calcs.map(calc => html`<th scope="col" class="number">${calc}</th>`)}</tr></thead>
<tbody>${lines.series.map(
    ({ name, color, isDashed, calcs }) =>
      html`<tr><th scope="row">${swatch(color, isDashed)}${name}</th>${calcs.map(value => html`<td class="number">${value}</td>`)}</tr>
`,
  )}</tbody></table></div>`
  const isPart = lines.seriesCount > lines.series.length
  return html`<div class="${isWide ? 'chart wide' : 'chart'}" tabindex="0" role="group" aria-label="Chart of ${panel.title}">${svg}</div>
${lines.thresholds.length === 0 ? undefined : html`<p class="note">Thresholds: ${lines.thresholds.map(({ name }) => name).join(', ')}.</p>`}
${lines.hasLegend ? legend : undefined}${isPart ? partNote(lines.series.length, lines.seriesCount, 'series, the highest') : undefined}`
}

function valuesBody(panel: Panel, frames: DataFrame[]): Html {
  const values = valuesOf(panel, frames)
  const shown = values.slice(0, MAX_VALUES)
  const rest = values.length > shown.length ? partNote(shown.length, values.length, 'values') : undefined
  const hasBar = panel.type === 'gauge' || panel.type === 'bargauge'
  const list = shown.map(
    ({
      name,
      text: written,
      color,
      share,
    }) => html`<div class="value">${name === '' ? undefined : html`<dt>${name}</dt>`}
<dd>${color === undefined ? undefined : swatch(color, false)}<strong>${written}</strong>${hasBar ? bar(share, color) : undefined}</dd></div>
`,
  )
  if (panel.type !== 'bargauge' && shown.length <= 6) return html`<dl class="values">${list}</dl>${rest}`
  return html`<div class="values list" tabindex="0" role="region" aria-label="Values of ${panel.title}"><dl>${list}</dl></div>${rest}`
}

function tableBody(panel: Panel, frames: DataFrame[], context: DrawContext): Html {
  const at = Number(panel.options['frameIndex'] ?? 0)
  const frame = frames[at] ?? frames[0]
  if (frame === undefined) return html`<p class="empty">No data</p>`
  const { columns, rows, rowCount } = tableOf(frame, { frames, most: MAX_ROWS, context })
  const others =
    frames.length > 1 ? html`<p class="note">One of ${frames.length} results of this panel.</p>` : undefined
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${panel.title}"><table>
<thead><tr>${columns.map(({ name, isNumber }) => html`<th scope="col" class="${isNumber ? 'number' : ''}">${name}</th>`)}</tr></thead>
<tbody>${rows.map(
    row => html`<tr>${row.map(
      (each, column) =>
        html`<td class="${columns[column]?.isNumber ? 'number' : ''}">${each.color === undefined ? undefined : swatch(each.color, false)}${linked(each.text, each.link, context)}</td>`,
    )}</tr>
`,
  )}</tbody></table></div>${others}${rowCount > rows.length ? partNote(rows.length, rowCount, 'rows') : undefined}`
}

function linked(words: string, link: DrawnLink | undefined, { hrefOf }: DrawContext): Html {
  const href = link === undefined ? undefined : hrefOf(link, dashboardOf(link.url))
  if (link === undefined || href === undefined || words === '') return html`${words}`
  return html`<a href="${href}" title="${link.title}" rel="noreferrer">${words}</a>`
}

/** A text panel as plain text: its HTML or Markdown is shown as source. */
function textBody(panel: Panel, { variables }: DrawContext): Html {
  const content = text(panel.options['content']) ?? text(fields(panel.options)['text']) ?? ''
  return html`<div class="text">${inWords(content, variables)}</div>`
}

function partNote(shown: number, all: number, what: string): Html {
  return html`<p class="note">${shown} of ${all} ${what}.</p>`
}

/** A color sample beside text, so that no text has a color of its own. */
function swatch(color: string, isDashed: boolean): Html {
  const safe = safeColor(color) ?? '#808080'
  return html`<svg class="swatch" viewBox="0 0 12 12" aria-hidden="true"><path d="${isDashed ? 'M0 4h4v4h-4zM8 4h4v4h-4z' : 'M0 0h12v12h-12z'}" fill="${safe}"/></svg>`
}

function bar(share: number, color: string | undefined): Html {
  const width = Math.round(share * 1_000) / 10
  return html`<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="6"/><rect width="${width}" height="6" fill="${safeColor(color) ?? '#3871dc'}"/></svg>`
}
