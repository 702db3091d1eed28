import { PanelBuilder as BarGaugeBuilder } from '@grafana/grafana-foundation-sdk/bargauge'
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog'
import * as common from '@grafana/grafana-foundation-sdk/common'
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
import { expectationsOf, type Query } from './queries/query.ts'
import { DATASOURCE } from './variables.ts'

/** A panel of a dashboard, as its builder needs it. */
export type LabPanel =
  | ({ kind: 'timeseries' } & TimeseriesOptions)
  | ({ kind: 'stat' | 'gauge' | 'barGauge' } & ValueOptions)
  | ({ kind: 'table' } & TableOptions)

/** A panel without a position, and the expectations of its queries by refId. */
export interface BuiltPanel {
  panel: Panel
  expectations: ReadonlyMap<string, QueryExpectations>
}

/**
 * The texts of a panel. `unit` is one of Grafana's ids:
 * https://grafana.com/docs/grafana/latest/panels-visualizations/configure-standard-options/
 */
export interface PanelText {
  title: string
  description: string
  unit: string
  decimals?: number
}

export interface TimeseriesOptions extends PanelText {
  queries: readonly Query[]
  /** Stacked areas, for values with a meaningful sum. */
  stacked?: boolean
  max?: number
  /** The names of series that are bounds, not usage: dashed and not stacked. */
  bounds?: readonly string[]
  thresholds?: readonly Threshold[]
  /** Allows values below 0; else the axis starts at 0. */
  mayBeNegative?: boolean
}

export interface ValueOptions extends PanelText {
  query: Query
  thresholds?: readonly Threshold[]
  /** 1 for a ratio. */
  max?: number
}

/** Thresholds: the color of the lowest values, and the color of values from each number on. */
export function steps(lowest: string, ...others: [from: number, color: string][]): Threshold[] {
  return [{ value: null, color: lowest }, ...others.map(([value, color]) => ({ value, color }))]
}

/** A column with a value for each row. */
export interface Column {
  name: string
  query: Query
  /** If different from that of the table. */
  unit?: string
  decimals?: number
}

/**
 * A label of the rows: the name of its column, and the links of its values. With several links Grafana shows a menu.
 */
export interface TableKey {
  label: string
  name: string
  links?: readonly { title: string; url: string }[]
}

export interface TableOptions extends PanelText {
  /** The labels that all queries of the columns have in common; they identify a row. */
  keys: readonly TableKey[]
  columns: readonly Column[]
}

/** Lines over time. */
export const timeseries = (options: TimeseriesOptions): LabPanel => ({ kind: 'timeseries', ...options })
/** A stat with the current value. */
export const stat = (options: ValueOptions): LabPanel => ({ kind: 'stat', ...options })
/** A gauge with the current values. */
export const gauge = (options: ValueOptions): LabPanel => ({ kind: 'gauge', ...options })
/** A bar gauge with the current value of each series. */
export const barGauge = (options: ValueOptions): LabPanel => ({ kind: 'barGauge', ...options })
/** A table with the current values, one row for each combination of the keys. */
export const table = (options: TableOptions): LabPanel => ({ kind: 'table', ...options })

/** Builds a panel with Grafana's SDK. */
export function builtPanel(panel: LabPanel): BuiltPanel {
  if (panel.kind === 'timeseries') return timeseriesPanel(panel)
  if (panel.kind === 'table') return tablePanel(panel)
  const builder: AnyPanelBuilder = valueBuilders[panel.kind](panel)
  if (panel.max !== undefined) builder.max(panel.max)
  if (panel.thresholds !== undefined) builder.thresholds(thresholdsConfig(panel.thresholds))
  return finish(builder, panel, [panel.query], instantTarget)
}

const valueBuilders = {
  stat: ({ thresholds }: ValueOptions) =>
    new StatBuilder()
      .reduceOptions(lastValue())
      .graphMode(common.BigValueGraphMode.None)
      .colorMode(thresholds === undefined ? common.BigValueColorMode.None : common.BigValueColorMode.Value),
  gauge: () => new GaugeBuilder().min(0).reduceOptions(lastValue()),
  barGauge: () => new BarGaugeBuilder().min(0).orientation(common.VizOrientation.Horizontal).reduceOptions(lastValue()),
}

function lastValue(): common.ReduceDataOptionsBuilder {
  return new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false)
}

function timeseriesPanel(options: TimeseriesOptions): BuiltPanel {
  const panel = new TimeseriesBuilder()
    .lineWidth(1)
    .fillOpacity(options.stacked === true ? 40 : 10)
    .gradientMode(common.GraphGradientMode.None)
    .showPoints(common.VisibilityMode.Never)
    .spanNulls(false)
    .legend(
      new common.VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(common.LegendDisplayMode.Table)
        .placement(common.LegendPlacement.Right)
        .calcs(['lastNotNull', 'max']),
    )
    .tooltip(
      new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending),
    )
  if (options.mayBeNegative !== true) panel.min(0)
  if (options.max !== undefined) panel.max(options.max)
  if (options.stacked === true) panel.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal))
  if (options.thresholds !== undefined) panel.thresholds(thresholdsConfig(options.thresholds))
  for (const bound of options.bounds ?? []) {
    panel.overrideByRegexp(`/${bound}$/`, [
      { id: 'custom.stacking', value: { mode: 'none', group: 'A' } },
      { id: 'custom.fillOpacity', value: 0 },
      { id: 'custom.lineStyle', value: { fill: 'dash', dash: [10, 10] } },
    ])
  }
  return finish(panel, options, options.queries, rangeTarget)
}

function tablePanel(options: TableOptions): BuiltPanel {
  const values = options.columns.map(({ name }, index) => ({
    field: valueField(refIdOf(index), options.columns.length),
    name,
  }))
  const order = [...options.keys.map(({ label }) => label), ...values.map(({ field }) => field)]
  const panel = new TableBuilder()
    .filterable(true)
    // Merges by all labels: a join by one would mix up objects of the same name in different namespaces or clusters.
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
    if (links !== undefined)
      panel.overrideByName(name, [{ id: 'links', value: links.map(link => ({ ...link, targetBlank: false })) }])
  }
  const queries = options.columns.map(({ query }) => query)
  return finish(panel, options, queries, tableTarget)
}

/** Grafana's name of the values of a query in table format; without a refId if it is the only query. */
function valueField(refId: string, count: number): string {
  return count === 1 ? 'Value' : `Value #${refId}`
}

interface AnyPanelBuilder extends Builder<Panel> {
  title(text: string): this
  description(text: string): this
  unit(unit: string): this
  decimals(decimals: number): this
  max(max: number): this
  thresholds(thresholds: ThresholdsConfigBuilder): this
  datasource(datasource: typeof DATASOURCE): this
  withTarget(target: Builder<Dataquery>): this
}

function finish(
  panel: AnyPanelBuilder,
  text: PanelText,
  queries: readonly Query[],
  target: (query: Query) => DataqueryBuilder,
): BuiltPanel {
  panel.title(text.title).description(text.description).unit(text.unit).datasource(DATASOURCE)
  if (text.decimals !== undefined) panel.decimals(text.decimals)
  const expectations = new Map<string, QueryExpectations>()
  queries.forEach((query, index) => {
    const refId = refIdOf(index)
    panel.withTarget(target(query).refId(refId).datasource(DATASOURCE))
    const known = expectationsOf(query)
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

function thresholdsConfig(thresholds: readonly Threshold[]): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([...thresholds])
}

/** A, B, C, …: no panel has more than 26 queries. */
function refIdOf(index: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + index)
}
