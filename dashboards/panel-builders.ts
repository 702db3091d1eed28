import { PanelBuilder as BarGaugeBuilder } from '@grafana/grafana-foundation-sdk/bargauge'
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog'
import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphGradientMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizOrientation,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import {
  type DynamicConfigValue,
  type Panel,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as GaugeBuilder } from '@grafana/grafana-foundation-sdk/gauge'
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table'
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries'
import type { QueryExpectations } from '../lib/checks/verify/query-expectations.ts'
import type { Query } from './queries/query.ts'
import { DATASOURCE } from './variables.ts'

/** A panel without a place yet, and what is known of each of its queries, by refId. */
export interface LabPanel {
  panel: Panel
  expectations: ReadonlyMap<string, QueryExpectations>
}

/** What every panel says of itself. `unit` is one of Grafana's ids: https://grafana.com/docs/grafana/latest/panels-visualizations/configure-standard-options/ */
export interface PanelText {
  title: string
  description: string
  unit: string
  decimals?: number
}

export interface TimeseriesOptions extends PanelText {
  queries: readonly Query[]
  /** Areas on top of each other: right where the sum means something. */
  stacked?: boolean
  max?: number
  /** Series that are bounds and not usage, by their names: dashed, and never stacked. */
  bounds?: readonly string[]
  thresholds?: readonly Threshold[]
  /** Numbers below 0 mean something; else the axis begins at 0. */
  mayBeNegative?: boolean
}

/** Lines over time. */
export function timeseries(options: TimeseriesOptions): LabPanel {
  const panel = new TimeseriesBuilder()
    .lineWidth(1)
    .fillOpacity(options.stacked === true ? 40 : 10)
    .gradientMode(GraphGradientMode.None)
    .showPoints(VisibilityMode.Never)
    .spanNulls(false)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Right)
        .calcs(['lastNotNull', 'max']),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
  if (options.mayBeNegative !== true) panel.min(0)
  if (options.max !== undefined) panel.max(options.max)
  if (options.stacked === true) panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal))
  if (options.thresholds !== undefined) panel.thresholds(steps(options.thresholds))
  for (const bound of options.bounds ?? []) {
    panel.overrideByRegexp(`/${bound}$/`, [
      { id: 'custom.stacking', value: { mode: 'none', group: 'A' } },
      { id: 'custom.fillOpacity', value: 0 },
      { id: 'custom.lineStyle', value: { fill: 'dash', dash: [10, 10] } },
    ])
  }
  return finish(panel, options, options.queries, rangeTarget)
}

export interface ValueOptions extends PanelText {
  query: Query
  thresholds?: readonly Threshold[]
  /** 1 for a share. */
  max?: number
}

/** One number, as it is now. */
export function stat(options: ValueOptions): LabPanel {
  const panel = new StatBuilder()
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false))
    .graphMode(BigValueGraphMode.None)
    .colorMode(options.thresholds === undefined ? BigValueColorMode.None : BigValueColorMode.Value)
  if (options.thresholds !== undefined) panel.thresholds(steps(options.thresholds))
  return finish(panel, options, [options.query], instantTarget)
}

/** Numbers on arcs, as they are now. */
export function gauge(options: ValueOptions): LabPanel {
  const panel = new GaugeBuilder()
    .min(0)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false))
  if (options.max !== undefined) panel.max(options.max)
  if (options.thresholds !== undefined) panel.thresholds(steps(options.thresholds))
  return finish(panel, options, [options.query], instantTarget)
}

/** One bar a series, as they are now. */
export function barGauge(options: ValueOptions): LabPanel {
  const panel = new BarGaugeBuilder()
    .min(0)
    .orientation(VizOrientation.Horizontal)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false))
  if (options.max !== undefined) panel.max(options.max)
  return finish(panel, options, [options.query], instantTarget)
}

/** One number of each row. */
export interface Column {
  name: string
  query: Query
  /** Where it isn't the table's own. */
  unit?: string
  decimals?: number
}

/** A label of the rows: the column's name, and where a click on its value leads; several are offered to choose from. */
export interface TableKey {
  label: string
  name: string
  links?: readonly { title: string; url: string }[]
}

export interface TableOptions extends PanelText {
  /** All the labels that the columns' queries have in common: rows with the same ones are one row. */
  keys: readonly TableKey[]
  columns: readonly Column[]
}

/** A table with a row for each combination of the keys, as it is now. */
export function table(options: TableOptions): LabPanel {
  const values = options.columns.map(({ name }, index) => ({
    field: valueField(refIdOf(index), options.columns.length),
    name,
  }))
  const order = [...options.keys.map(({ label }) => label), ...values.map(({ field }) => field)]
  const panel = new TableBuilder()
    .filterable(true)
    // By all the labels: joining by one would mix up namesakes of another namespace or cluster.
    .withTransformation({ id: 'merge', options: {} })
    .withTransformation({
      id: 'organize',
      options: {
        excludeByName: { Time: true },
        indexByName: Object.fromEntries(order.map((field, index) => [field, index])),
        renameByName: Object.fromEntries([
          ...options.keys.map(({ label, name }) => [label, name]),
          ...values.map(({ field, name }) => [field, name]),
        ]),
      },
    })
  for (const { name, unit, decimals } of options.columns) {
    const properties: DynamicConfigValue[] = []
    if (unit !== undefined) properties.push({ id: 'unit', value: unit })
    if (decimals !== undefined) properties.push({ id: 'decimals', value: decimals })
    if (properties.length > 0) panel.overrideByName(name, properties)
  }
  for (const { name, links } of options.keys) {
    if (links !== undefined) panel.overrideByName(name, [{ id: 'links', value: links.map(fieldLink) }])
  }
  const queries = options.columns.map(({ query }) => query)
  return finish(panel, options, queries, tableTarget)
}

/** The name that Grafana gives to the numbers of a query in table form: with one query alone, no refId. */
function valueField(refId: string, count: number): string {
  return count === 1 ? 'Value' : `Value #${refId}`
}

function fieldLink({ title, url }: { title: string; url: string }): unknown {
  return { title, url, targetBlank: false }
}

interface AnyPanelBuilder extends Builder<Panel> {
  title(text: string): this
  description(text: string): this
  unit(unit: string): this
  decimals(decimals: number): this
  datasource(datasource: typeof DATASOURCE): this
  withTarget(target: Builder<Dataquery>): this
}

function finish(
  panel: AnyPanelBuilder,
  text: PanelText,
  queries: readonly Query[],
  target: (query: Query) => DataqueryBuilder,
): LabPanel {
  panel.title(text.title).description(text.description).unit(text.unit).datasource(DATASOURCE)
  if (text.decimals !== undefined) panel.decimals(text.decimals)
  const expectations = new Map<string, QueryExpectations>()
  queries.forEach((query, index) => {
    const refId = refIdOf(index)
    panel.withTarget(target(query).refId(refId).datasource(DATASOURCE))
    const { expr: _, legend: __, ...known } = query
    if (Object.keys(known).length > 0) expectations.set(refId, known)
  })
  return { panel: panel.build(), expectations }
}

function rangeTarget({ expr, legend }: Query): DataqueryBuilder {
  return withLegend(new DataqueryBuilder().expr(expr).range().format(PromQueryFormat.TimeSeries), legend)
}

function instantTarget({ expr, legend }: Query): DataqueryBuilder {
  return withLegend(new DataqueryBuilder().expr(expr).instant().format(PromQueryFormat.TimeSeries), legend)
}

function tableTarget({ expr }: Query): DataqueryBuilder {
  return new DataqueryBuilder().expr(expr).instant().format(PromQueryFormat.Table)
}

function withLegend(target: DataqueryBuilder, legend: string | undefined): DataqueryBuilder {
  return legend === undefined || legend === '' ? target : target.legendFormat(legend)
}

function steps(thresholds: readonly Threshold[]): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([...thresholds])
}

/** A, B, C, …: no panel has more than 26 queries. */
function refIdOf(index: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + index)
}
