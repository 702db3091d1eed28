import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  type Panel,
  RowBuilder,
} from '@grafana/grafana-foundation-sdk/dashboard'
import {
  type DashboardExpectations,
  type Prerequisite,
  type QueryExpectations,
  queryKey,
} from '../lib/checks/verify/query-expectations.ts'
import { TAG } from '../lib/grafana/generated-files.ts'
import { builtPanel, type LabPanel } from './panel-builders.ts'
import type { DashboardUid } from './uids.ts'
import { datasourceVariable, type Variable } from './variables.ts'

/** A dashboard of the lab. */
export interface LabDashboard {
  /** The name of its file without `.json`, and its uid. */
  name: string
  /** The SDK's type, reduced to plain JSON. */
  json: Dashboard
  expectations: DashboardExpectations
}

/** Panels side by side, with the same height. */
export interface Line {
  height: number
  panels: readonly LabPanel[]
}

/** A row with a title. */
export interface Row {
  title: string
  lines: readonly Line[]
}

/** The width of Grafana's grid. */
const GRID_WIDTH = 24

/** A dashboard as its file in `dashboards/dashboards` has it. */
export interface DashboardDefinition {
  uid: DashboardUid
  title: string
  description: string
  /** What a lab needs for it. */
  prerequisites?: readonly Prerequisite[]
  /** After the datasource, which every dashboard has. */
  variables: readonly Variable[]
  rows: readonly Row[]
}

/** Panels of equal width, `height` grid units high (one unit is about 38 pixels). */
export function line(height: number, ...panels: (LabPanel | readonly LabPanel[])[]): Line {
  return { height, panels: panels.flat() }
}

export function row(title: string, ...lines: Line[]): Row {
  return { title, lines }
}

/**
 * Builds a dashboard from its rows.
 *
 * Throws an Error when two panels have the same title, since expectations and reports refer to a query by its panel's
 * title.
 */
export function labDashboard(given: DashboardDefinition): LabDashboard {
  const builder = new DashboardBuilder(given.title)
    .uid(given.uid)
    .description(given.description)
    .tags([TAG])
    .timezone('browser')
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-1h', to: 'now' })
    .refresh('10s')
    .variables([datasourceVariable(), ...given.variables])
    .link(
      new DashboardLinkBuilder('Dashboards')
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    )
  const queries = new Map<string, QueryExpectations>()
  const titles = new Set<string>()
  let count = 0
  let id = 0
  let y = 0
  for (const { title, lines } of given.rows) {
    builder.withRow(new RowBuilder(title).id(++id).gridPos({ x: 0, y, w: GRID_WIDTH, h: 1 }))
    y += 1
    for (const { height, panels } of lines) {
      const width = Math.floor(GRID_WIDTH / panels.length)
      panels.forEach((each, index) => {
        const { panel, expectations } = builtPanel(each)
        const panelTitle = panel.title ?? ''
        if (titles.has(panelTitle)) throw new Error(`${given.title} has two panels "${panelTitle}"`)
        titles.add(panelTitle)
        const isLast = index === panels.length - 1
        const w = isLast ? GRID_WIDTH - index * width : width
        const placed: Panel = { ...panel, id: ++id, gridPos: { x: index * width, y, w, h: height } }
        builder.withPanel({ build: () => placed })
        count += panel.targets?.length ?? 0
        for (const [refId, known] of expectations) queries.set(queryKey(panelTitle, refId), known)
      })
      y += height
    }
  }
  const isOtel = queries.size === count && [...queries.values()].every(needsOtel)
  const prerequisites = [...(given.prerequisites ?? []), ...(isOtel ? (['otel-metrics'] as const) : [])]
  // The SDK's objects have methods, which the JSON must not have.
  const json = JSON.parse(JSON.stringify(builder.build())) as Dashboard
  return { name: given.uid, json, expectations: { prerequisites, queries } }
}

function needsOtel({ prerequisites = [] }: QueryExpectations): boolean {
  return prerequisites.includes('otel-metrics')
}
