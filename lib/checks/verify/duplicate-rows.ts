import type { Panel } from '../../grafana/dashboard-model.ts'
import { matchingNames } from '../../grafana/js-regex.ts'
import { fields, items, text } from '../../kube/json.ts'
import type { Labels, Sample } from '../../prometheus/prometheus-client.ts'

/** The result of one target of a table. */
export interface Frame {
  refId: string
  samples: readonly Sample[]
}

/** One row of a table, by column. */
type Row = Labels

/**
 * Rows of a table with the same values in all visible columns after the panel's joins, each as `column=value, …`.
 * Also reports a target without the column that the panel joins by.
 *
 * Throws a PatternError for a column pattern that takes too long.
 */
export function duplicateRows(panel: Panel, frames: readonly Frame[]): string[] {
  const active = panel.transformations.filter(({ disabled }) => !disabled)
  const filled = frames
    .map(({ refId, samples }) => ({ refId, rows: samples.map(({ labels }) => labels) }))
    .filter(({ rows }) => rows.length > 0)
  const joined = active.find(({ id }) => id === 'joinByField' || id === 'seriesToColumns')
  const merged = active.some(({ id }) => id === 'merge' || id === 'seriesToRows')
  // These transformations produce unique rows.
  if (active.some(({ id }) => id === 'groupBy' || id === 'reduce')) return []
  if (joined !== undefined) {
    const field = text(joined.options['byField']) ?? 'Time'
    if (field === 'Time') return []
    return filled.flatMap(({ refId, rows }) => {
      const isMissing = rows.every(row => row[field] === undefined)
      return isMissing ? [`no column ${field} to join on in ${refId}`] : repeated(rows, [field])
    })
  }
  const columns = filled.map(({ rows }) => columnsOf(rows))
  const shown = shownColumns(active, [...new Set(columns.flat())])
  if (!merged) return filled.flatMap(({ rows }, at) => repeated(rows, (columns[at] ?? []).filter(shown)))
  // A merge joins rows by the columns of all frames.
  const common = (columns[0] ?? []).filter(column => columns.every(each => each.includes(column)))
  const conflicts = filled.flatMap(({ rows }) => repeated(rows, common))
  const all = new Map(filled.flatMap(({ rows }) => rows.map(row => [keyOf(row, common), row])))
  return [...new Set([...conflicts, ...repeated([...all.values()], common.filter(shown))])]
}

/** The columns of some rows, sorted. */
function columnsOf(rows: readonly Row[]): string[] {
  const columns = new Set<string>()
  for (const row of rows) for (const column in row) columns.add(column)
  return [...columns].sort()
}

/** Whether a column is visible, by `organize` and `filterFieldsByName`. */
function shownColumns(
  transformations: Panel['transformations'],
  columns: readonly string[],
): (column: string) => boolean {
  const tests = transformations.flatMap(({ id, options }) => {
    if (id === 'organize') {
      const hidden = fields(options['excludeByName'])
      return [(column: string) => hidden[column] !== true]
    }
    if (id !== 'filterFieldsByName') return []
    const [included, excluded] = ['include', 'exclude'].map(side => namedColumns(options[side], columns))
    return [(column: string) => included?.has(column) !== false && excluded?.has(column) !== true]
  })
  return column => tests.every(test => test(column))
}

/** The columns with one of the names or matching the pattern; undefined without names and pattern. */
function namedColumns(options: unknown, columns: readonly string[]): ReadonlySet<string> | undefined {
  const { names, pattern } = fields(options)
  const regex = text(pattern)
  if (regex === undefined && items(names).length === 0) return undefined
  const matched = regex === undefined ? new Set<string>() : matchingNames(regex, columns)
  return new Set(columns.filter(column => items(names).includes(column) || matched.has(column)))
}

/** Rows with the same values in some columns, each as `column=value, …`. */
function repeated(rows: readonly Row[], columns: readonly string[]): string[] {
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const row of rows) {
    const key = keyOf(row, columns)
    if (seen.has(key)) twice.add(describe(row, columns))
    seen.add(key)
  }
  return [...twice]
}

function keyOf(row: Row, columns: readonly string[]): string {
  return columns.map(column => row[column] ?? '').join('\u0000')
}

function describe(row: Row, columns: readonly string[]): string {
  const given = columns.filter(column => row[column] !== undefined)
  if (given.length === 0) return 'rows without any column to tell them apart'
  return given.map(column => `${column}=${row[column]}`).join(', ')
}
