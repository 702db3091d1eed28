import type { Panel } from '../grafana/model.ts'
import { fields, text } from '../kube/json.ts'
import type { Sample } from '../prometheus.ts'

/** What one target of a table gave. */
export interface Frame {
  refId: string
  samples: readonly Sample[]
}

/** One row of a table: the columns that tell it from the next. */
type Row = Readonly<Record<string, string>>

/**
 * Rows of a table that a person can't tell apart, each as `column=value, …`: two rows of one identity after the panel's joins,
 * looking at the columns that are shown. Also names a target that lacks the column by which the panel joins.
 */
export function duplicateRows(panel: Panel, frames: readonly Frame[]): string[] {
  const active = panel.transformations.filter(({ disabled }) => !disabled)
  const filled = frames.filter(({ samples }) => samples.length > 0)
  const joined = active.find(({ id }) => id === 'joinByField' || id === 'seriesToColumns')
  const merged = active.some(({ id }) => id === 'merge' || id === 'seriesToRows')
  // These make rows of one key by themselves, or of no label at all.
  if (active.some(({ id }) => id === 'groupBy' || id === 'reduce')) return []
  const shown = shownColumns(active)
  if (joined !== undefined) {
    const field = text(joined.options['byField']) ?? 'Time'
    if (field === 'Time') return []
    return filled.flatMap(({ refId, samples }) =>
      samples.every(({ labels }) => labels[field] === undefined)
        ? [`no column ${field} to join on in ${refId}`]
        : repeated(samples.map(({ labels }) => describe({ [field]: labels[field] ?? '' }))),
    )
  }
  if (!merged) return filled.flatMap(({ samples }) => repeated(samples.map(({ labels }) => describe(labels, shown))))
  // A merge brings rows together by the columns that all frames have.
  const columns = filled.map(({ samples }) => new Set(samples.flatMap(({ labels }) => Object.keys(labels))))
  const isCommon = (column: string) => columns.every(each => each.has(column))
  const rows = new Map<string, Row>()
  const conflicts: string[] = []
  for (const { samples } of filled) {
    const own = samples.map(({ labels }) => describe(labels, isCommon))
    conflicts.push(...repeated(own))
    for (const [at, { labels }] of samples.entries()) rows.set(own[at] ?? '', labels)
  }
  const isSeen = (column: string) => isCommon(column) && shown(column)
  return [...new Set([...conflicts, ...repeated([...rows.values()].map(row => describe(row, isSeen)))])]
}

/** Whether a column is shown, as `organize` and `filterFieldsByName` have it. */
function shownColumns(transformations: Panel['transformations']): (column: string) => boolean {
  const hidden = new Set<string>()
  let included: Set<string> | undefined
  for (const { id, options } of transformations) {
    if (id === 'organize') {
      for (const [name, isHidden] of Object.entries(fields(options['excludeByName'])))
        if (isHidden === true) hidden.add(name)
    }
    if (id === 'filterFieldsByName') {
      const names = fields(options['include'])['names']
      if (Array.isArray(names)) included = new Set(names.filter(each => typeof each === 'string'))
    }
  }
  return column => !hidden.has(column) && (included === undefined || included.has(column))
}

/** Rows, as they are described, that are there more than once. */
function repeated(rows: readonly string[]): string[] {
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const words of rows) {
    if (seen.has(words)) twice.add(words === '' ? 'rows without any column to tell them apart' : words)
    seen.add(words)
  }
  return [...twice]
}

/** The wanted columns of a row, in one order. */
function describe(row: Row, isWanted: (column: string) => boolean = () => true): string {
  const columns = Object.keys(row).filter(isWanted)
  return columns
    .sort()
    .map(column => `${column}=${row[column]}`)
    .join(', ')
}
