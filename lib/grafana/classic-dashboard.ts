import { fields, items, text } from '../kube/json.ts'
import type { Dashboard, Panel, Skipped } from './dashboard-model.ts'
import { type VariableTypes, variableTypes } from './datasource.ts'
import { type PanelPlace, readLinks, readPanel } from './read-panel.ts'
import { readVariable } from './read-variable.ts'

/** A panel's JSON and its place. */
interface PlacedPanel {
  json: Record<string, unknown>
  place: PanelPlace
}

/** Reads a classic dashboard: schema versions up to 42, also with `rows` (before 16). */
export function readClassic(json: Record<string, unknown>, source: string): Dashboard {
  const types = variableTypes(json)
  const { panels, skipped } = readPanels(placedPanels(json), types)
  const variables = items(fields(json['templating'])['list']).map(each => readVariable(fields(each), types))
  const { from, to } = fields(json['time'])
  return {
    source,
    uid: text(json['uid']) ?? '',
    title: text(json['title']) ?? '',
    tags: items(json['tags']).filter(tag => typeof tag === 'string'),
    time: { from: text(from) ?? 'now-6h', to: text(to) ?? 'now', refresh: text(json['refresh']) ?? '' },
    links: readLinks(json['links']),
    panels,
    variables: variables.map(({ variable }) => variable),
    skipped: [...skipped, ...variables.flatMap(each => each.skipped)],
  }
}

function readPanels(placed: PlacedPanel[], types: VariableTypes): { panels: Panel[]; skipped: Skipped[] } {
  const panels: Panel[] = []
  const skipped: Skipped[] = []
  for (const { json, place } of placed) {
    const full = withLibraryModel(json)
    if (typeof full === 'string') {
      skipped.push({
        kind: 'panel',
        name: full,
        refId: '',
        reason: 'is a library panel, whose queries are not in the file',
      })
      continue
    }
    const read = readPanel(full, place, types)
    panels.push(read.panel)
    skipped.push(...read.skipped)
  }
  return { panels: withOwnIds(panels), skipped }
}

/**
 * Gives each panel a unique id as Grafana does when it loads a dashboard: a missing or duplicate id becomes the next
 * after the highest.
 */
function withOwnIds(panels: readonly Panel[]): Panel[] {
  const taken = new Set<number>()
  let next = panels.reduce((highest, { id }) => Math.max(highest, id), 0) + 1
  return panels.map(panel => {
    const id = panel.id > 0 && !taken.has(panel.id) ? panel.id : next++
    taken.add(id)
    return { ...panel, id }
  })
}

/**
 * The JSON of a library panel where the file has it (`libraryPanel.model`, or queries beside the reference), else its
 * name.
 */
function withLibraryModel(json: Record<string, unknown>): Record<string, unknown> | string {
  if (json['libraryPanel'] === undefined || json['libraryPanel'] === null) return json
  const library = fields(json['libraryPanel'])
  const model = fields(library['model'])
  if (items(model['targets']).length > 0) return { ...model, ...json, targets: model['targets'], type: model['type'] }
  if (items(json['targets']).length > 0) return json
  return text(json['title']) ?? text(library['name']) ?? text(library['uid']) ?? ''
}

function placedPanels(json: Record<string, unknown>): PlacedPanel[] {
  return [...rowsOf(json), ...panelsOf(items(json['panels']), items(json['rows']).length)]
}

/** `rows` with their panels, as before the grid. */
function rowsOf(json: Record<string, unknown>): PlacedPanel[] {
  return items(json['rows']).flatMap((each, index) => {
    const row = fields(each)
    const place = { ...placeIn(row, index + 1), isCollapsed: row['collapse'] === true }
    return items(row['panels']).map(panel => ({ json: fields(panel), place }))
  })
}

/** Panels in order. The panels of an open row follow it; a collapsed row contains them. */
function panelsOf(list: unknown[], rowsBefore: number): PlacedPanel[] {
  let at = rowsBefore
  let place: PanelPlace = { ...placeIn({}, 0), at }
  return list.flatMap(each => {
    const json = fields(each)
    if (json['type'] !== 'row') return [{ json, place }]
    place = placeIn(json, ++at)
    const inside = place
    return items(json['panels']).map(panel => ({ json: fields(panel), place: inside }))
  })
}

function placeIn(row: Record<string, unknown>, at: number): PanelPlace {
  const [title = '', repeat = '', tab = ''] = [row['title'], row['repeat'], row['tab']].map(text)
  return { row: title, at, repeat, isCollapsed: row['collapsed'] === true, tab }
}
