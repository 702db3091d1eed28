import type { DataFrame } from '@grafana/data'
import type { EChartsCoreOption } from 'echarts/core'
import { withConsoleLines } from '../../grafana/console-lines.ts'
import type { Panel } from '../../grafana/dashboard-model.ts'
import { transformed, withFieldConfig } from '../../grafana/grafana-data.ts'
import { interpolate, inWords } from '../../grafana/interpolate.ts'
import { patternFaults, withoutBadOverrides } from '../../grafana/panel-patterns.ts'
import { fields, text } from '../../kube/json.ts'
import { withTimeLimit } from '../../system/time-limit.ts'
import {
  barsOf,
  barsOption,
  CELLS,
  cellsOption,
  type DrawnBars,
  hasShares,
  heatLines,
  histogramOf,
  MAX_SLICES,
  pieOption,
  pieShares,
} from './chart-kinds.ts'
import type { ChartMark } from './chart-marks.ts'
import { type Answer, framesOf } from './data-frames.ts'
import { chartOption, type DrawChart } from './echarts-option.ts'
import { type DrawnLink, dashboardOf, type LinkContext } from './field-links.ts'
import { drawnColor, Html, html, numberRow, safeColor, scrollTable } from './html.ts'
import { type DrawnCell, tableOf } from './table-panel.ts'
import { type DrawnSeries, type DrawnTimeseries, LINES, timeseriesOf } from './timeseries-panel.ts'
import { type DrawnValue, valuesOf } from './value-panel.ts'

/** The context of a drawing. */
export interface DrawContext extends LinkContext {
  /** The panel's key among the copies of a repeated one; else its id. */
  key?: string
  drawChart: DrawChart
  range: { fromMs: number; untilMs: number }
  /** The URL of a link on this page; undefined where it leads nowhere. */
  hrefOf: (link: DrawnLink, uid: string | undefined) => string | undefined
  /** Is given the numbers that a panel shows, and whether it has more series than it draws. */
  onNumbers?: (key: string, numbers: PanelNumbers, isPart: boolean) => void
  /** Lines at times in every chart. */
  marks?: readonly ChartMark[]
  /** What the URL of a page sets for single panels. Undefined in a file, which has no buttons. */
  choices?: PanelChoices | undefined
  /** The time limit of each transformation and of the drawing of one panel. */
  limitMs?: number
}

/** The choices for single panels on a page, by the panels' keys. */
export interface PanelChoices {
  /** The only series that a panel shows. */
  only: ReadonlyMap<string, string>
  /** The panels that show the values of their charts as a table. */
  tables: ReadonlySet<string>
  /** The tab that is shown; empty for the first. */
  tab: string
}

/** The numbers of a panel by name: its values, the last value of each line, or the number of rows of a table. */
export type PanelNumbers = readonly (readonly [name: string, { value: number; text: string }])[]

function keyOf({ id }: Panel, { key = String(id) }: DrawContext): string {
  return key
}

/** The id of the form of a page. */
export const FORM_ID = 'choices'

/** More than the largest panel of a large lab takes: only catastrophic backtracking takes longer. */
const LIMIT_MS = 10_000
/** The limits of a panel; a note states what is omitted. */
const MAX_VALUES = 60
const MAX_ROWS = 100
const MAX_REMARKS = 5
/** The widths of panels in the 24 columns of the grid: a chart of half width, and a wide one. */
const [HALF, WIDE] = [9, 18]

/** The class of the tables below charts. */
const LEGEND = 'scroll legend'

const VALUES = ['stat', 'singlestat', 'gauge', 'bargauge']
const TABLES = ['table', 'table-old']
const PIES = ['piechart', 'grafana-piechart-panel']

/** The panel types whose chart has values over time. */
export const OVER_TIME: readonly string[] = [...LINES, ...CELLS]

/** A panel as HTML: drawn by its type, or its data as a table for unknown types. */
export async function panelBody(panel: Panel, answers: readonly Answer[], context: DrawContext): Promise<Html> {
  if (panel.type === 'text') return textBody(panel, context)
  const refused = answers.flatMap(({ target, refused: why }) => (why === undefined ? [] : [`${target.refId}: ${why}`]))
  const problems = refused.map(why => html`<p class="note">Prometheus gave no answer to ${why}</p>`)
  if (panel.targets.length === 0) return html`<p class="note">This panel has no query that Prometheus can answer.</p>`
  const { raw, unknown, logged, limitMs } = await rawFrames(panel, answers, context)
  const notes = [
    ...unknown.map(id => html`<p class="note">The transformation ${id} is not known here and was left out.</p>`),
    ...patternFaults(panel).map(fault => html`<p class="note">Left out: ${fault}.</p>`),
  ]
  const omitted = answers.reduce((sum, answer) => sum + (answer.omitted ?? 0), 0)
  const usable = withoutBadOverrides(panel)
  const draw = () => {
    const frames = withFieldConfig(raw, panel.type, usable.fieldConfig)
    if (frames.every(({ length }) => length === 0)) {
      return refused.length > 0
        ? undefined
        : html`<p class="empty">${text(panel.fieldConfig.defaults['noValue']) ?? 'No data'}</p>`
    }
    return drawn(usable, frames, { ...context, omitted })
  }
  const body = withConsoleLines(logged, () => withTimeLimit(draw, { what: 'drawing', limitMs }))
  const remarks = [...logged]
    .slice(0, MAX_REMARKS)
    .map(line => html`<p class="note">Grafana’s code reports: ${line}</p>`)
  return html`${problems}${notes}${remarks}${body}`
}

/** The data of a panel after its transformations. */
async function rawFrames(
  { transformations }: Panel,
  answers: readonly Answer[],
  { variables, limitMs = LIMIT_MS }: Pick<DrawContext, 'variables' | 'limitMs'>,
) {
  const logged = new Set<string>()
  const given = { interpolate: (text: string) => interpolate(text, variables), limitMs, logged }
  const { frames: raw, unknown } = await transformed(framesOf(answers), transformations, given)
  return { raw, unknown, logged, limitMs }
}

/** The points of a chart, for the script of a page. */
export interface ChartPoints {
  timesMs: readonly number[]
  /** One value per time, or null, and its text in the unit of the series. */
  series: readonly { name: string; color: string; isStacked: boolean; values: (number | null)[]; texts: string[] }[]
  marks: readonly ChartMark[]
}

/** The points of the lines that a panel's chart shows. */
export async function chartPoints(
  panel: Panel,
  answers: readonly Answer[],
  context: DrawContext,
): Promise<ChartPoints> {
  const { raw } = await rawFrames(panel, answers, context)
  const usable = withoutBadOverrides(panel)
  const lines = linesOf(usable, withFieldConfig(raw, panel.type, usable.fieldConfig))
  return {
    timesMs: lines.timesMs,
    series: chosenSeries(panel, lines, context).map(({ name, color, isStacked, values, format }) => ({
      name,
      color: drawnColor(color),
      isStacked,
      values: [...values],
      texts: values.map(value => (value === null ? '' : format(value))),
    })),
    marks: context.marks ?? [],
  }
}

/** The series that the URL chooses, or all. */
function chosenSeries(panel: Panel, { series }: DrawnTimeseries, context: DrawContext): readonly DrawnSeries[] {
  const only = context.choices?.only.get(keyOf(panel, context))
  const chosen = series.filter(({ name }) => name === only)
  return chosen.length > 0 ? chosen : series
}

function drawn(panel: Panel, frames: DataFrame[], context: DrawContext & { omitted: number }): Html {
  if (LINES.includes(panel.type)) return timeseriesBody(panel, frames, context)
  if (VALUES.includes(panel.type)) return valuesBody(panel, frames, context)
  if (TABLES.includes(panel.type)) return tableBody(panel, frames, context)
  if (CELLS.includes(panel.type)) return cellsBody(panel, frames, context)
  if (PIES.includes(panel.type)) return pieBody(panel, frames, context)
  const bars =
    panel.type === 'barchart'
      ? barsOf(panel, frames)
      : panel.type === 'histogram'
        ? histogramOf(panel, frames)
        : undefined
  if (bars !== undefined) return barsBody(panel, bars, context)
  return html`<p class="note">Panels of kind ${panel.type} are not drawn here; this is their data.</p>
${tableBody(panel, frames, context)}`
}

/** The lines that a panel over time shows: of a heatmap its buckets. */
function linesOf(panel: Panel, frames: DataFrame[], omitted = 0): DrawnTimeseries {
  const lines = timeseriesOf(panel, frames, omitted)
  return panel.type === 'heatmap' ? heatLines(panel, lines) : lines
}

/** A heatmap or timeline of states, with the last value of each row. */
function cellsBody(panel: Panel, frames: DataFrame[], context: DrawContext & { omitted: number }): Html {
  const lines = linesOf(panel, frames, context.omitted)
  if (lines.series.length === 0) return tableBody(panel, frames, context)
  context.onNumbers?.(keyOf(panel, context), lines.series.flatMap(lastNumber), lines.series.length < lines.seriesCount)
  const last = lines.series.map(each => numberRow(each.name, [lastNumber(each)[0]?.[1].text]))
  return html`${chartBox(panel, cellsOption(panel, lines, context.range), context)}
${scrollTable(`Last values of ${panel.title}`, ['Series', { number: 'Last' }], last, LEGEND)}${partNote(lines.series.length, lines.seriesCount, 'series, the highest')}${pointsTable(panel, lines, context)}`
}

/** A pie with its values and shares as text. */
function pieBody(panel: Panel, frames: DataFrame[], context: DrawContext): Html {
  const all = valuesOf(panel, frames)
  const values = all.slice(0, MAX_SLICES)
  const shares = hasShares(panel) ? pieShares(values) : []
  context.onNumbers?.(keyOf(panel, context), numbersOf(values), values.length < all.length)
  const rows = values.map(({ name, text, color }, at) =>
    numberRow(html`${swatch(color ?? '')}${name || panel.title}`, [text, shares[at]]),
  )
  return html`${chartBox(panel, pieOption(panel, values), context)}
${scrollTable(`Values of ${panel.title}`, [], rows, LEGEND)}${partNote(values.length, all.length, 'values')}`
}

/** Bars with their values as text. */
function barsBody(panel: Panel, bars: DrawnBars, context: DrawContext): Html {
  const { names, series, format } = bars
  const columns = series.map(({ name, color }) => ({ number: html`${swatch(color)}${name}` }))
  const rows = names.map((name, at) =>
    numberRow(
      name,
      series.map(({ values }) => inUnit(values[at], format)),
    ),
  )
  return html`${chartBox(panel, barsOption(bars), context)}
${scrollTable(`Values of ${panel.title}`, ['Name', ...columns], rows, LEGEND)}`
}

function chartBox(panel: Panel, option: EChartsCoreOption, { drawChart }: DrawContext): Html {
  const size = panel.gridPos.w >= WIDE ? 'wide' : panel.gridPos.w >= HALF ? 'half' : 'narrow'
  return html`<div class="chart ${size}" tabindex="0" role="group" aria-label="Chart of ${panel.title}">${new Html(drawChart(option, size))}</div>`
}

function numbersOf(values: readonly DrawnValue[]): PanelNumbers {
  return values.flatMap(({ name, text, value }) => (value === undefined ? [] : [[name, { value, text }] as const]))
}

function timeseriesBody(panel: Panel, frames: DataFrame[], context: DrawContext & { omitted: number }): Html {
  const lines = timeseriesOf(panel, frames, context.omitted)
  if (lines.series.length === 0) return tableBody(panel, frames, context)
  const series = chosenSeries(panel, lines, context)
  context.onNumbers?.(keyOf(panel, context), lines.series.flatMap(lastNumber), lines.series.length < lines.seriesCount)
  const option = chartOption({ ...lines, series }, context.range, context.marks)
  return html`${chartBox(panel, option, context)}
${lines.thresholds.length === 0 ? undefined : html`<p class="note">Thresholds: ${lines.thresholds.map(({ name }) => name).join(', ')}.</p>`}
${lines.hasLegend ? legendTable(panel, lines, { series, context }) : undefined}${partNote(lines.series.length, lines.seriesCount, 'series, the highest')}${pointsTable(panel, { ...lines, series }, context)}`
}

function lastNumber({ name, values, format }: DrawnSeries): PanelNumbers {
  const value = values.findLast(each => each !== null)
  return value === undefined || value === null ? [] : [[name, { value, text: format(value) }]]
}

/** The legend. On a page a button of each entry shows only its series, and again all. */
function legendTable(
  panel: Panel,
  lines: DrawnTimeseries,
  { series, context }: { series: readonly DrawnSeries[]; context: DrawContext },
): Html {
  const { choices } = context
  const id = keyOf(panel, context)
  const isOnly = (each: DrawnSeries) => choices?.only.get(id) === each.name && series.includes(each)
  const nameOf = (each: DrawnSeries) => {
    const words = html`${swatch(each.color, each.isDashed)}${each.name}`
    if (choices === undefined) return words
    const value = isOnly(each) ? '' : each.name
    return html`<button form="${FORM_ID}" name="only" value="${id}/${value}" aria-pressed="${String(isOnly(each))}">${words}</button>`
  }
  const columns = lines.calcs.map(number => ({ number }))
  const rows = lines.series.map(each => numberRow(nameOf(each), each.calcs, series.includes(each) ? '' : 'off'))
  return scrollTable(`Legend of ${panel.title}`, ['Series', ...columns], rows, LEGEND)
}

/** The values of a chart as a table, the newest first, where the page shows it. */
function pointsTable(panel: Panel, { timesMs, series }: DrawnTimeseries, context: DrawContext): Html | undefined {
  if (context.choices?.tables.has(keyOf(panel, context)) !== true) return undefined
  const rows = timesMs.map((timeMs, at) =>
    numberRow(
      new Date(timeMs).toISOString().slice(11, 19),
      series.map(({ values, format }) => inUnit(values[at], format)),
    ),
  )
  const columns = series.map(({ name }) => ({ number: name }))
  return scrollTable(`Values of ${panel.title}`, ['Time', ...columns], rows.reverse())
}

function valuesBody(panel: Panel, frames: DataFrame[], context: DrawContext): Html {
  const values = valuesOf(panel, frames)
  context.onNumbers?.(keyOf(panel, context), numbersOf(values), false)
  const shown = values.slice(0, MAX_VALUES)
  const rest = partNote(shown.length, values.length, 'values')
  const hasBar = panel.type === 'gauge' || panel.type === 'bargauge'
  const list = shown.map(each => {
    const { name, color, share } = each
    return html`<div class="value">${name && html`<dt>${name}</dt>`}
<dd>${color === undefined ? undefined : swatch(color)}<strong>${each.text}</strong>${hasBar ? bar(share, color) : undefined}</dd></div>
`
  })
  if (panel.type !== 'bargauge' && shown.length <= 6) return html`<dl class="values">${list}</dl>${rest}`
  return html`<div class="values list" tabindex="0" role="region" aria-label="Values of ${panel.title}"><dl>${list}</dl></div>${rest}`
}

function tableBody(panel: Panel, frames: DataFrame[], context: DrawContext): Html {
  const at = Number(panel.options['frameIndex'] ?? 0)
  const frame = frames[at] ?? frames[0]
  if (frame === undefined) return html`<p class="empty">No data</p>`
  const { columns, rows, rowCount } = tableOf(frame, { frames, most: MAX_ROWS, context })
  context.onNumbers?.(keyOf(panel, context), [['rows', { value: rowCount, text: String(rowCount) }]], false)
  const others =
    frames.length > 1 ? html`<p class="note">One of ${frames.length} results of this panel.</p>` : undefined
  const cell = ({ text, color, link }: DrawnCell, column: number) => {
    const kind = columns[column]?.isNumber ? 'number' : ''
    return html`<td class="${kind}">${color === undefined ? undefined : swatch(color)}${linked(text, link, context)}</td>`
  }
  const heads = columns.map(({ name, isNumber }) => (isNumber ? { number: name } : name))
  const drawnRows = rows.map(
    row => html`<tr>${row.map(cell)}</tr>
`,
  )
  return html`${scrollTable(panel.title, heads, drawnRows)}${others}${partNote(rows.length, rowCount, 'rows')}`
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

/** How many are shown, if not all. */
function partNote(shown: number, all: number, what: string): Html | undefined {
  return all > shown ? html`<p class="note">${shown} of ${all} ${what}.</p>` : undefined
}

/** A number in its unit; empty for none. */
function inUnit(value: number | null | undefined, format: (value: number) => string): string {
  return typeof value === 'number' ? format(value) : ''
}

/** A color sample beside text, so that no text has a color of its own. */
function swatch(color: string, isDashed = false): Html {
  return html`<svg class="swatch" viewBox="0 0 12 12" aria-hidden="true"><path d="${isDashed ? 'M0 4h4v4h-4zM8 4h4v4h-4z' : 'M0 0h12v12h-12z'}" fill="${drawnColor(color)}"/></svg>`
}

function bar(share: number, color: string | undefined): Html {
  const width = Math.round(share * 1_000) / 10
  return html`<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="6"/><rect width="${width}" height="6" fill="${safeColor(color) ?? '#3871dc'}"/></svg>`
}
