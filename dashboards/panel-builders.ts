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

/** A panel without a position, and the expectations of its queries by refId. */
export interface LabPanel {
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
  /** 1 for a ratio. */
  max?: number
}

/** A stat with the current value. */
export function stat(options: ValueOptions): LabPanel {
  const panel = new StatBuilder()
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false))
    .graphMode(BigValueGraphMode.None)
    .colorMode(options.thresholds === undefined ? BigValueColorMode.None : BigValueColorMode.Value)
  if (options.thresholds !== undefined) panel.thresholds(steps(options.thresholds))
  return finish(panel, options, [options.query], instantTarget)
}

/** A gauge with the current values. */
export function gauge(options: ValueOptions): LabPanel {
  const panel = new GaugeBuilder()
    .min(0)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false))
  if (options.max !== undefined) panel.max(options.max)
  if (options.thresholds !== undefined) panel.thresholds(steps(options.thresholds))
  return finish(panel, options, [options.query], instantTarget)
}

/** A bar gauge with the current value of each series. */
export function barGauge(options: ValueOptions): LabPanel {
  const panel = new BarGaugeBuilder()
    .min(0)
    .orientation(VizOrientation.Horizontal)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false))
  if (options.max !== undefined) panel.max(options.max)
  return finish(panel, options, [options.query], instantTarget)
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

/** A table with the current values, one row for each combination of the keys. */
export function table(options: TableOptions): LabPanel {
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
    if (links !== undefined) panel.overrideByName(name, [{ id: 'links', value: links.map(fieldLink) }])
  }
  const queries = options.columns.map(({ query }) => query)
  return finish(panel, options, queries, tableTarget)
}

/** Grafana's name of the values of a query in table format; without a refId if it is the only query. */
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
