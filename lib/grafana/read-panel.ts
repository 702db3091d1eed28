import { fields, items, text } from '../kube/json.ts'
import type { FieldConfig, Link, Panel, RowPlace, Skipped, Target, Transformation } from './dashboard-model.ts'
import { notPrometheus, readDatasource, targetDatasource, type VariableTypes } from './datasource.ts'

/** The place of a panel: its row, and the row's title. */
export interface PanelPlace extends RowPlace {
  row: string
}

/** Grafana's default number of copies of a repeated panel side by side. */
const MAX_PER_ROW = 4

/** Reads one panel of a classic dashboard; gives what was skipped too. */
export function readPanel(
  json: Record<string, unknown>,
  { row, ...place }: PanelPlace,
  types: VariableTypes,
): { panel: Panel; skipped: Skipped[] } {
  const datasource = readDatasource(json['datasource'], types)
  const ownLinks = readLinks(json['links'])
  const title = text(json['title']) ?? ''
  const fieldConfig = readFieldConfig(json)
  const repeat = text(json['repeat'])
  const skipped: Skipped[] = []
  const targets: Target[] = []
  items(json['targets']).forEach((each, index) => {
    // In the oldest dashboards a target can be just the text of its query.
    const target = typeof each === 'string' ? { expr: each } : fields(each)
    const refId = text(target['refId']) ?? refIdOf(index)
    const source = targetDatasource(readDatasource(target['datasource'], types), datasource)
    const expr = text(target['expr'])?.trim()
    const reason = notPrometheus(source) ?? (expr ? undefined : noExpression(target))
    if (reason === undefined && expr) targets.push(readTarget({ ...target, refId, expr }, source))
    else skipped.push({ kind: 'target', name: title, refId, reason: reason ?? '' })
  })
  const panel: Panel = {
    id: typeof json['id'] === 'number' ? json['id'] : 0,
    title,
    type: text(json['type']) ?? '',
    description: text(json['description']) ?? '',
    unit: text(fieldConfig.defaults['unit']) ?? '',
    fieldConfig,
    options: fields(json['options']),
    transformations: items(json['transformations']).map(readTransformation),
    links: [...ownLinks, ...fieldLinks(fieldConfig), ...styleLinks(json)],
    gridPos: readGridPos(json),
    row,
    place,
    ownLinks,
    repeats: [place.repeat, repeat ?? ''].filter(name => name !== ''),
    repeat: {
      variable: repeat ?? '',
      isVertical: json['repeatDirection'] === 'v',
      maxPerRow: typeof json['maxPerRow'] === 'number' ? json['maxPerRow'] : MAX_PER_ROW,
    },
    datasource,
    interval: text(json['interval']) ?? '',
    targets,
  }
  return { panel, skipped }
}

/** The links of a dashboard or panel. Old ones name a dashboard by `dashboard` or `dashUri` and have no URL. */
export function readLinks(value: unknown): Link[] {
  return items(value).map(each => {
    const { title, url, tags, type } = fields(each)
    const words = items(tags).filter(tag => typeof tag === 'string')
    return {
      title: text(title) ?? '',
      url: type === 'dashboards' ? '' : (text(url) ?? ''),
      tags: type === 'link' ? [] : words,
    }
  })
}

/** `A`, `B`, … as in Grafana, for queries without a refId. */
function refIdOf(index: number): string {
  const letter = String.fromCharCode(65 + (index % 26))
  return index < 26 ? letter : `${refIdOf(Math.floor(index / 26) - 1)}${letter}`
}

function noExpression(target: Record<string, unknown>): string {
  const own = ['rawSql', 'query', 'target', 'queryType', 'metric', 'scenarioId'].find(name => text(target[name]))
  return own === undefined ? 'has no query text' : `has "${own}" and no PromQL expression`
}

function readTarget(json: Record<string, unknown> & { refId: string; expr: string }, datasource: Target['datasource']) {
  const instant = json['instant'] === true
  const range = json['range'] === true || !instant
  return {
    refId: json.refId,
    expr: json.expr,
    instant,
    range,
    format: text(json['format']) ?? 'time_series',
    legendFormat: text(json['legendFormat']) ?? '',
    hide: json['hide'] === true,
    datasource,
    interval: text(json['interval']) ?? '',
  }
}

function readTransformation(value: unknown): Transformation {
  const { id, options, disabled } = fields(value)
  return { id: text(id) ?? '', options: fields(options), disabled: disabled === true }
}

/** `fieldConfig`; for older panels the unit of an axis, a format or the styles of table columns. */
function readFieldConfig(json: Record<string, unknown>): FieldConfig {
  const given = fields(json['fieldConfig'])
  const defaults = fields(given['defaults'])
  // Gauge and bar gauge once had their field settings in the options.
  const early = fields(fields(json['options'])['fieldOptions'])
  const oldUnit =
    text(fields(early['defaults'])['unit']) ??
    (json['type'] === 'graph' ? text(fields(items(json['yaxes'])[0])['format']) : undefined) ??
    (json['type'] === 'graph' ? text(items(json['y_formats'])[0]) : undefined) ??
    (json['type'] === 'singlestat' ? text(json['format']) : undefined)
  const overrides = items(given['overrides']).map(each => {
    const { matcher, properties } = fields(each)
    return {
      matcher: { id: text(fields(matcher)['id']) ?? '', options: fields(matcher)['options'] },
      properties: Object.fromEntries(
        items(properties).map(property => [text(fields(property)['id']) ?? '', fields(property)['value']]),
      ),
    }
  })
  const styles = items(json['styles']).flatMap(each => {
    const { pattern, unit, type } = fields(each)
    if (type !== 'number' || text(unit) === undefined) return []
    const regex = /^\/.*\/$/.test(String(pattern))
    return [{ matcher: { id: regex ? 'byRegexp' : 'byName', options: pattern }, properties: { unit } }]
  })
  const unit = text(defaults['unit']) ?? oldUnit
  return {
    defaults: { ...fields(early['defaults']), ...defaults, ...(unit === undefined ? {} : { unit }) },
    overrides: [...overrides, ...styles],
  }
}

function fieldLinks({ defaults, overrides }: FieldConfig): Link[] {
  return [...readLinks(defaults['links']), ...overrides.flatMap(({ properties }) => readLinks(properties['links']))]
}

/** The links of an old table's columns. */
function styleLinks(json: Record<string, unknown>): Link[] {
  return items(json['styles']).flatMap(each => {
    const { link, linkUrl, linkTooltip } = fields(each)
    return link === true ? [{ title: text(linkTooltip) ?? '', url: text(linkUrl) ?? '', tags: [] }] : []
  })
}

/** The place on a grid of 24 columns. Panels of `rows` have a span of twelfths, in the order of the list. */
function readGridPos(json: Record<string, unknown>): Panel['gridPos'] {
  const given = fields(json['gridPos'])
  const number = (value: unknown, otherwise: number) => (typeof value === 'number' ? value : otherwise)
  const span = number(json['span'], 12)
  return {
    x: number(given['x'], 0),
    y: number(given['y'], 0),
    w: number(given['w'], Math.round(span * 2)),
    h: number(given['h'], 8),
  }
}
