import { fields, items, text } from '../kube/json.ts'

type Json = Record<string, unknown>

/** A classic dashboard's JSON, and the parts of the original that it can't express, one sentence each. */
export interface ClassicJson {
  json: Json
  losses: string[]
}

/** The panels of a layout with one title: a row of a classic dashboard. Panels before the first title have none. */
interface Section {
  row: Json | undefined
  panels: Json[]
}

/** What the outer layouts define. */
interface Around {
  title: string | undefined
  repeat: string | undefined
  isCollapsed: boolean
  /** The outermost tab; Grafana ignores it in a classic dashboard. */
  tab: string | undefined
}

/** The schema version from which v2 took panels and fields. */
const SCHEMA_VERSION = 42

/** Grafana's grid: its columns, and the height of a cell and the space below it in pixels. */
const COLUMNS = 24
const CELL_PX = 30
const SPACE_PX = 8

/** Auto grid: heights of rows in pixels, and the default number of panels in a row. */
const rowHeights: Readonly<Record<string, number>> = { short: 168, standard: 320, tall: 512 }
const AUTO_COLUMNS = 3

/** Words of the v2 schema that are numbers in classic JSON: the index in the list. */
const words = {
  cursorSync: ['Off', 'Crosshair', 'Tooltip'],
  hide: ['dontHide', 'hideLabel', 'hideVariable', 'inControlsMenu'],
  refresh: ['never', 'onDashboardLoad', 'onTimeRangeChanged'],
  sort: [
    'disabled',
    'alphabeticalAsc',
    'alphabeticalDesc',
    'numericalAsc',
    'numericalDesc',
    'alphabeticalCaseInsensitiveAsc',
    'alphabeticalCaseInsensitiveDesc',
    'naturalAsc',
    'naturalDesc',
  ],
} as const satisfies Record<string, readonly string[]>

/** Some fields of an object. */
function pick(json: Json, ...names: readonly string[]): Json {
  return Object.fromEntries(names.map(name => [name, json[name]]))
}

/** Whether a spec has the v2 schema of any alpha or beta: elements, and a layout of references to them. */
export function isV2(spec: Json): boolean {
  return Object.keys(fields(spec['elements'])).length > 0 || text(fields(spec['layout'])['kind']) !== undefined
}

/**
 * Converts a dashboard of the v2 schema (`dashboard.grafana.app/v2alpha1` to `v2`) to classic JSON. The shapes are
 * those of `dashboardv2beta1` and `dashboardv2` in grafana-foundation-sdk; the alpha has the plugin's name in `kind`,
 * later versions in `group`. Tabs become rows.
 */
export function classicOfV2(spec: Json, uid: string): ClassicJson {
  const layout = fields(spec['layout'])
  const losses: string[] = []
  const time = fields(spec['timeSettings'])
  const sections = sectionsOf(layout, fields(spec['elements']), undefined, losses)
  const own = layoutVariables(layout)
  if (own.length > 0) losses.push('variables of rows and tabs hold for the whole dashboard')
  const variables = [...items(spec['variables']), ...own].map(classicVariable)
  return {
    json: {
      ...(uid === '' ? {} : { uid }),
      ...pick(spec, 'title', 'description', 'tags', 'links', 'editable', 'liveNow', 'preload'),
      schemaVersion: SCHEMA_VERSION,
      graphTooltip: numberOf('cursorSync', spec['cursorSync']),
      time: pick(time, 'from', 'to'),
      refresh: time['autoRefresh'],
      ...pick(time, 'timezone', 'weekStart', 'fiscalYearStartMonth'),
      timepicker: {
        refresh_intervals: time['autoRefreshIntervals'],
        quick_ranges: time['quickRanges'],
        hidden: time['hideTimepicker'],
        nowDelay: time['nowDelay'],
      },
      annotations: { list: items(spec['annotations']).map(classicAnnotation) },
      templating: { list: variables },
      panels: placed(sections),
    },
    losses: [...new Set(losses)],
  }
}

/** The panels of a layout in the order of the screen: grids, rows and tabs can be nested. */
function sectionsOf(layout: Json, elements: Json, around: Around | undefined, losses: string[]): Section[] {
  const spec = fields(layout['spec'])
  const specOf = (each: unknown) => fields(fields(each)['spec'])
  const ofTabs = items(spec['tabs']).map(each => ({ part: specOf(each), tab: text(specOf(each)['title']) }))
  const parts = [...items(spec['rows']).map(each => ({ part: specOf(each), tab: undefined })), ...ofTabs]
  const inside = parts.flatMap(({ part, tab }) => {
    const title = text(part['title']) ?? around?.title
    const repeat = repeatOf(part)
    if (repeat !== undefined && around?.repeat !== undefined)
      losses.push(`row ${title ?? ''} is repeated by ${repeat} alone, and not by ${around.repeat} too`)
    noteCondition(part, `row ${title ?? ''}`, losses)
    const isCollapsed = part['collapse'] === true || around?.isCollapsed === true
    const within = { title, repeat: repeat ?? around?.repeat, isCollapsed, tab: around?.tab ?? tab }
    return sectionsOf(fields(part['layout']), elements, within, losses)
  })
  const list = items(spec['items']).map(each => fields(fields(each)['spec']))
  if (list.length === 0) return inside
  const panels = list.flatMap((item, at) => {
    const name = text(fields(item['element'])['name']) ?? ''
    const element = fields(elements[name])
    if (Object.keys(element).length === 0) {
      losses.push(`element ${name} is missing`)
      return []
    }
    const panel = classicPanel(element, name)
    noteCondition(item, `panel ${text(panel['title']) ?? name}`, losses)
    const { direction, maxPerRow } = fields(item['repeat'])
    const repeat = repeatOf(item)
    const repeated = repeat === undefined ? {} : { repeat, repeatDirection: direction ?? 'h', maxPerRow }
    return [{ ...panel, ...repeated, gridPos: gridPosOf(item, at, spec) }]
  })
  const row = around && {
    type: 'row',
    title: around.title ?? '',
    collapsed: around.isCollapsed,
    ...(around.repeat === undefined ? {} : { repeat: around.repeat }),
    ...(around.tab === undefined ? {} : { tab: around.tab }),
  }
  return [{ row, panels }, ...inside]
}

/** The place of an item; in an auto grid, the next one. */
function gridPosOf({ x, y, width, height }: Json, at: number, grid: Json): Json {
  if (typeof width === 'number') return { x, y, w: width, h: height }
  const columns = Math.max(1, Number(grid['maxColumnCount'] ?? AUTO_COLUMNS))
  const pixels = Number(grid['rowHeight'] ?? rowHeights[String(grid['rowHeightMode'])] ?? rowHeights['standard'])
  const h = Math.ceil((pixels + SPACE_PX) / (CELL_PX + SPACE_PX))
  const w = Math.max(1, Math.floor(COLUMNS / columns))
  return { x: (at % columns) * w, y: Math.floor(at / columns) * h, w, h }
}

/** Sections in order. The panels of an open row follow it; a collapsed row contains them. */
function placed(sections: readonly Section[]): Json[] {
  let top = 0
  return sections.flatMap(({ row, panels }) => {
    const rowTop = top
    if (row !== undefined) top += 1
    const begin = top
    const moved = panels.map(panel => {
      const at = fields(panel['gridPos'])
      return { ...panel, gridPos: { ...at, y: begin + Number(at['y'] ?? 0) } }
    })
    const isCollapsed = row?.['collapsed'] === true
    if (!isCollapsed) top = Math.max(top, ...moved.map(({ gridPos }) => gridPos.y + Number(fields(gridPos)['h'] ?? 0)))
    if (row === undefined) return moved
    const head = { ...row, gridPos: { x: 0, y: rowTop, w: COLUMNS, h: 1 }, panels: isCollapsed ? moved : [] }
    return isCollapsed ? [head] : [head, ...moved]
  })
}

/** Rows and tabs can have variables of their own. */
function layoutVariables(layout: Json): unknown[] {
  const spec = fields(layout['spec'])
  return [...items(spec['rows']), ...items(spec['tabs'])].flatMap(each => {
    const part = fields(fields(each)['spec'])
    return [...items(part['variables']), ...layoutVariables(fields(part['layout']))]
  })
}

function repeatOf(spec: Json): string | undefined {
  return text(fields(spec['repeat'])['value'])
}

function noteCondition(spec: Json, what: string, losses: string[]): void {
  const conditions = fields(fields(spec['conditionalRendering'])['spec'])['items']
  if (items(conditions).length > 0) losses.push(`${what} is always shown, whatever its conditions`)
}

function classicPanel(element: Json, name: string): Json {
  const spec = fields(element['spec'])
  if (element['kind'] === 'LibraryPanel')
    return { id: spec['id'], title: spec['title'] ?? name, libraryPanel: fields(spec['libraryPanel']) }
  const data = fields(fields(spec['data'])['spec'])
  const viz = fields(spec['vizConfig'])
  const { options, fieldConfig, pluginVersion } = fields(viz['spec'])
  const targets = items(data['queries']).map(each => {
    const query = fields(fields(each)['spec'])
    return {
      ...fields(fields(query['query'])['spec']),
      refId: query['refId'],
      hide: query['hidden'],
      datasource: datasourceOf(query),
    }
  })
  return {
    ...pick(spec, 'id', 'title', 'description', 'links', 'transparent'),
    type: pluginOf(viz),
    pluginVersion: viz['version'] ?? pluginVersion,
    options,
    fieldConfig,
    // Interval, maxDataPoints, timeFrom, timeShift and others, with the same names as in classic panels.
    ...fields(data['queryOptions']),
    transformations: items(data['transformations']).map(each => {
      const transformation = fields(each)
      return { ...fields(transformation['spec']), id: fields(transformation['spec'])['id'] ?? pluginOf(transformation) }
    }),
    targets,
    datasource: commonDatasource(targets),
  }
}

/** Grafana uses a panel's datasource for its targets, unless it is the mixed one. */
function commonDatasource(targets: readonly { datasource: Json }[]): Json | undefined {
  const all = new Map(targets.map(({ datasource }) => [JSON.stringify(datasource), datasource]))
  return all.size > 1 ? { type: 'datasource', uid: '-- Mixed --' } : [...all.values()][0]
}

function classicAnnotation(value: unknown): Json {
  const spec = fields(fields(value)['spec'])
  return {
    ...fields(spec['legacyOptions']),
    ...pick(spec, 'name', 'enable', 'hide', 'iconColor', 'filter', 'mappings'),
    datasource: datasourceOf(spec),
    ...(spec['builtIn'] === true ? { builtIn: 1, type: 'dashboard' } : {}),
    target: fields(spec['query'])['spec'],
  }
}

/** The classic types of variables whose type is not their kind in lower case. */
const variableTypes: Readonly<Record<string, string>> = { text: 'textbox' }

function classicVariable(value: unknown): Json {
  const spec = fields(fields(value)['spec'])
  const kind = String(fields(value)['kind'])
    .replace(/Variable$/, '')
    .toLowerCase()
  const query = spec['query']
  const asked = fields(fields(query)['spec'])
  return {
    ...spec,
    type: variableTypes[kind] ?? kind,
    query: text(spec['pluginId']) ?? (typeof query === 'string' ? query : (queryText(asked) ?? asked)),
    datasource: datasourceOf(kind === 'query' ? spec : fields(value)),
    hide: numberOf('hide', spec['hide']),
    refresh: numberOf('refresh', spec['refresh']),
    sort: numberOf('sort', spec['sort']),
  }
}

function numberOf(of: keyof typeof words, value: unknown): number | undefined {
  const at = (words[of] as readonly unknown[]).indexOf(value)
  return at === -1 ? undefined : at
}

/** Plugins store a variable's query under different names; `__legacyStringValue` holds a former plain text. */
function queryText(spec: Json): string | undefined {
  return text(spec['query']) ?? text(spec['expr']) ?? text(spec['__legacyStringValue'])
}

/** The datasource in a query, or, in the alpha, beside it. */
function datasourceOf(holder: Json): Json {
  const query = fields(holder['query'])
  const beside = fields(holder['datasource'])
  const uid = text(fields(query['datasource'])['name']) ?? text(beside['uid']) ?? text(beside['name'])
  return { type: text(beside['type']) ?? pluginOf(query) ?? text(holder['group']), uid }
}

function pluginOf(kind: Json): string | undefined {
  const plugin = text(kind['group']) ?? text(kind['kind'])
  return plugin === 'DataQuery' ? undefined : plugin
}
