import type { VariableSelection } from '../../checks/verify/variable-selection.ts'
import type { Dashboard, Panel } from '../../grafana/dashboard-model.ts'
import { inWords } from '../../grafana/interpolate.ts'

/** A panel of a row, as it is drawn: one for each value of the variables that repeat it or its row. */
export interface PlacedPanel {
  panel: Panel
  /** Unique in the dashboard: its id, and of a further copy also its number. */
  key: string
  /** Of a repeated panel, the value of its copy in each variable that repeats it. */
  selection: VariableSelection
  /** The row: its own number, and its title with variables replaced. */
  row: { key: string; title: string; isCollapsed: boolean }
  /** The first copy in its row. */
  isFirst: boolean
  /** Of the last copy, the number of those that are left out. */
  omitted: number
}

/** The maximum number of copies of a panel or row. */
const MAX_COPIES = 40
const COLUMNS = 24

/** The panels of a dashboard in order, repeated as Grafana repeats them. */
export function placedPanels(dashboard: Dashboard, selection: VariableSelection): PlacedPanel[] {
  const rows = new Map<number, Panel[]>()
  for (const panel of dashboard.panels) rows.set(panel.place.at, [...(rows.get(panel.place.at) ?? []), panel])
  const copies = new Map<number, number>()
  const keyOf = ({ id }: Panel) => {
    const count = (copies.get(id) ?? 0) + 1
    copies.set(id, count)
    return count === 1 ? String(id) : `${id}-${count}`
  }
  return [...rows].flatMap(([at, panels]) => {
    const { place, row: title } = panels[0] ?? { place: undefined, row: '' }
    const ofRows = repeated(selection, place?.repeat ?? '')
    return ofRows.slice(0, MAX_COPIES).flatMap((ofRow, number) => {
      const row = {
        key: `${at}-${number}`,
        title: inWords(title, ofRow.values),
        isCollapsed: place?.isCollapsed === true,
      }
      return panels.flatMap(panel => {
        const all = repeated(ofRow, panel.repeat.variable)
        const shown = all.slice(0, MAX_COPIES)
        const omitted = Math.max(all.length, ofRows.length) - MAX_COPIES
        return shown.map(own => ({
          panel: { ...panel, gridPos: { ...panel.gridPos, w: widthOf(panel, shown.length) } },
          key: keyOf(panel),
          selection: own,
          row,
          isFirst: own === shown[0],
          omitted: own === shown.at(-1) ? Math.max(0, omitted) : 0,
        }))
      })
    })
  })
}

/** A selection for each value of a variable; the selection itself without one. */
function repeated(selection: VariableSelection, variable: string): VariableSelection[] {
  const value = selection.values.get(variable)
  if (value === undefined || value.values.length === 0) return [selection]
  return value.values.map(each => ({
    ...selection,
    values: new Map([...selection.values, [variable, { values: [each], several: value.several }]]),
    options: new Map([...selection.options, [variable, [each]]]),
  }))
}

/** Copies side by side share the width of the grid. */
function widthOf({ gridPos, repeat }: Panel, copies: number): number {
  if (repeat.variable === '' || repeat.isVertical) return gridPos.w
  return Math.max(1, Math.floor(COLUMNS / Math.min(copies, repeat.maxPerRow)))
}
