import type { DataFrame, Field, FieldType } from '@grafana/data'
import type { Target } from '../../grafana/dashboard-model.ts'
import { grafanaData } from '../../grafana/grafana-data.ts'
import { fields } from '../../kube/json.ts'
import type { Labels, RangeSeries } from '../../prometheus/prometheus-client.ts'

/** The result of one query of a panel. The series of an instant query have one point. */
export interface Answer {
  target: Target
  kind: 'instant' | 'range'
  /** The query as sent. */
  expr: string
  /** The legend with its variables replaced; its labels are not. */
  legend: string
  series: readonly RangeSeries[]
  /** The number of further series, lower than these; undefined for none. */
  omitted?: number
  /** Why the query has no result. */
  refused?: string
}

/**
 * Results as data frames of Grafana's Prometheus datasource: a frame per series, or, for targets in table format, a
 * frame per query with a column per label.
 */
export function framesOf(answers: readonly Answer[]): DataFrame[] {
  const tables = new Set(answers.filter(isTable).map(({ target }) => target.refId))
  return answers.flatMap(answer => {
    if (answer.series.length === 0) return []
    if (isTable(answer)) return [tableFrame(answer, tables.size > 1 ? `Value #${answer.target.refId}` : 'Value')]
    return answer.series.map(series => seriesFrame(answer, series))
  })
}

function isTable({ target }: Answer): boolean {
  return target.format === 'table'
}

function seriesFrame(answer: Answer, { labels, points }: RangeSeries): DataFrame {
  const { FieldType } = grafanaData()
  const name = legendOf(answer, labels)
  const times = points.map(([timeMs]) => timeMs)
  const values = points.map(([, value]) => value)
  const config = name === undefined ? {} : { displayNameFromDS: name }
  const fields = [field('Time', FieldType.time, times), { ...field('Value', FieldType.number, values), labels, config }]
  return { refId: answer.target.refId, ...(name === undefined ? {} : { name }), fields, length: points.length }
}

function tableFrame({ target, series }: Answer, valueName: string): DataFrame {
  const { FieldType } = grafanaData()
  const names = [...new Set(series.flatMap(({ labels }) => Object.keys(labels)))]
  const rows = series.flatMap(({ labels, points }) => points.map(([timeMs, value]) => ({ labels, timeMs, value })))
  const valuesOf = (name: string) => rows.map(({ labels }) => labels[name] ?? '')
  const times = rows.map(({ timeMs }) => timeMs)
  const values = rows.map(({ value }) => value)
  const fields = [
    field('Time', FieldType.time, times),
    ...names.map(name => field(name, FieldType.string, valuesOf(name))),
    field(valueName, FieldType.number, values),
  ]
  return { refId: target.refId, fields, length: rows.length }
}

function field(name: string, type: FieldType, values: unknown[]): Field {
  return { name, type, config: {}, values }
}

/** A series' name; undefined where Grafana names it by the labels that differ. */
function legendOf({ legend, expr }: Answer, labels: Labels): string | undefined {
  const { __name__: metric = '', ...others } = labels
  const pairs = Object.entries(others)
  if (legend === '__auto') return metric === '' && pairs.length === 0 ? expr : undefined
  if (legend !== '') return legend.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, name: string) => labels[name] ?? '')
  if (metric === '' && pairs.length === 0) return expr
  const text = pairs.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(', ')
  return pairs.length === 0 ? metric : `${metric}{${text}}`
}

/** The fields of numbers that a chart shows. */
export function shownNumbers(frame: DataFrame): Field[] {
  return frame.fields.filter(each => each.type === grafanaData().FieldType.number && isShown(each))
}

export function isShown({ config }: Field): boolean {
  return fields(fields(config.custom)['hideFrom'])['viz'] !== true
}

/** Formats numbers in the unit of a field. */
export function formatOf(field: Field | undefined): (value: number) => string {
  return value => (field?.display ? grafanaData().formattedValueToString(field.display(value)) : String(value))
}
