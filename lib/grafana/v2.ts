import { fields, items, text } from '../kube/json.ts'
import type { PlacedPanel } from './classic.ts'
import type { PanelPlace } from './panel.ts'

/** A panel's name among the elements, and what the layouts around it say of its place. */
interface Item {
  name: string
  gridPos: Record<string, unknown>
  place: PanelPlace
}

/** Whether a resource's spec is the v2 schema, of whatever alpha or beta: elements, and a layout that refers to them. */
export function isV2(spec: Record<string, unknown>): boolean {
  return Object.keys(fields(spec['elements'])).length > 0 || text(fields(spec['layout'])['kind']) !== undefined
}

/**
 * A dashboard of the v2 schema (`dashboard.grafana.app/v2alpha1` to `v2`) as the classic JSON that says the same, and its panels. Shapes are
 * those of grafana-foundation-sdk's `dashboardv2beta1` and `dashboardv2`; the alpha has the plugin's name in `kind`, the later ones in `group`.
 */
export function classicOfV2(
  spec: Record<string, unknown>,
  uid: string,
): { json: Record<string, unknown>; placed: PlacedPanel[] } {
  const layout = fields(spec['layout'])
  const elements = fields(spec['elements'])
  const { from, to, autoRefresh } = fields(spec['timeSettings'])
  const { title, tags, links } = spec
  const variables = [...items(spec['variables']), ...layoutVariables(layout)]
  const templating = { list: variables.map(classicVariable) }
  return {
    json: { uid, title, tags, links, time: { from, to }, refresh: autoRefresh, templating },
    placed: layoutItems(layout, { row: '', repeats: [] }).map(({ name, gridPos, place }) => ({
      json: { ...classicPanel(fields(elements[name]), name), gridPos },
      place,
    })),
  }
}

/** The elements that a layout shows, in the order of the screen: grids, rows and tabs stand in one another. */
function layoutItems(layout: Record<string, unknown>, { row, repeats }: PanelPlace): Item[] {
  const spec = fields(layout['spec'])
  const inside = [...items(spec['rows']), ...items(spec['tabs'])].flatMap(each => {
    const part = fields(fields(each)['spec'])
    const place = { row: text(part['title']) ?? row, repeats: [...repeats, ...repeatOf(part)] }
    return layoutItems(fields(part['layout']), place)
  })
  const own = items(spec['items']).map(each => {
    const item = fields(fields(each)['spec'])
    const { x, y, width, height } = item
    return {
      name: text(fields(item['element'])['name']) ?? '',
      gridPos: { x, y, w: width, h: height },
      place: { row, repeats: [...repeats, ...repeatOf(item)] },
    }
  })
  return [...own, ...inside]
}

/** Rows and tabs can have variables of their own. */
function layoutVariables(layout: Record<string, unknown>): unknown[] {
  const spec = fields(layout['spec'])
  return [...items(spec['rows']), ...items(spec['tabs'])].flatMap(each => {
    const part = fields(fields(each)['spec'])
    return [...items(part['variables']), ...layoutVariables(fields(part['layout']))]
  })
}

function repeatOf(spec: Record<string, unknown>): string[] {
  const value = text(fields(spec['repeat'])['value'])
  return value === undefined ? [] : [value]
}

function classicPanel(element: Record<string, unknown>, name: string): Record<string, unknown> {
  const spec = fields(element['spec'])
  const { id, title, description, links } = spec
  if (element['kind'] === 'LibraryPanel')
    return { id, title: title ?? name, libraryPanel: fields(spec['libraryPanel']) }
  const data = fields(fields(spec['data'])['spec'])
  const viz = fields(spec['vizConfig'])
  return {
    id,
    title,
    description,
    links,
    type: pluginOf(viz),
    options: fields(viz['spec'])['options'],
    fieldConfig: fields(viz['spec'])['fieldConfig'],
    interval: fields(data['queryOptions'])['interval'],
    transformations: items(data['transformations']).map(each => {
      const transformation = fields(each)
      return { ...fields(transformation['spec']), id: fields(transformation['spec'])['id'] ?? pluginOf(transformation) }
    }),
    targets: items(data['queries']).map(each => {
      const query = fields(fields(each)['spec'])
      return {
        ...fields(fields(query['query'])['spec']),
        refId: query['refId'],
        hide: query['hidden'],
        datasource: datasourceOf(query),
      }
    }),
  }
}

/** The classic word for each kind of variable whose word isn't its kind in small letters. */
const variableTypes: Readonly<Record<string, string>> = { text: 'textbox' }

function classicVariable(value: unknown): Record<string, unknown> {
  const spec = fields(fields(value)['spec'])
  const kind = String(fields(value)['kind'])
    .replace(/Variable$/, '')
    .toLowerCase()
  const query = spec['query']
  return {
    ...spec,
    type: variableTypes[kind] ?? kind,
    query: text(spec['pluginId']) ?? (typeof query === 'string' ? query : queryText(fields(fields(query)['spec']))),
    datasource: datasourceOf(kind === 'query' ? spec : fields(value)),
  }
}

/** Plugins keep a variable's text under names of their own; `__legacyStringValue` is what a plain text was moved to. */
function queryText(spec: Record<string, unknown>): unknown {
  return text(spec['query']) ?? text(spec['expr']) ?? text(spec['__legacyStringValue'])
}

/** Of something with a query: the datasource in it, or, in the alpha, beside it. */
function datasourceOf(holder: Record<string, unknown>): Record<string, unknown> {
  const query = fields(holder['query'])
  const beside = fields(holder['datasource'])
  const uid = text(fields(query['datasource'])['name']) ?? text(beside['uid']) ?? text(beside['name'])
  return { type: text(beside['type']) ?? pluginOf(query) ?? text(holder['group']), uid }
}

function pluginOf(kind: Record<string, unknown>): string | undefined {
  const plugin = text(kind['group']) ?? text(kind['kind'])
  return plugin === 'DataQuery' ? undefined : plugin
}
