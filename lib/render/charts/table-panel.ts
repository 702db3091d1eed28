import type { DataFrame, Field } from '@grafana/data'
import { grafanaData } from '../../grafana/grafana-data.ts'
import { fields, text } from '../../kube/json.ts'
import { isShown } from './data-frames.ts'
import { type DrawnLink, fieldLink, type LinkContext } from './field-links.ts'

/** A drawn table. */
export interface DrawnTable {
  columns: readonly { name: string; isNumber: boolean }[]
  rows: readonly (readonly DrawnCell[])[]
  /** The number of all rows. */
  rowCount: number
}

export interface DrawnCell {
  text: string
  /** The color of its threshold, if the column is colored by it. */
  color: string | undefined
  link: DrawnLink | undefined
}

/** The visible columns of a frame, and its first rows. */
export function tableOf(
  frame: DataFrame,
  { frames, most, context }: { frames: DataFrame[]; most: number; context: LinkContext },
): DrawnTable {
  const { getFieldDisplayName, FieldType } = grafanaData()
  const shown = frame.fields.filter(field => isShown(field) && fields(field.config.custom)['hidden'] !== true)
  return {
    columns: shown.map(field => ({
      name: getFieldDisplayName(field, frame, frames),
      isNumber: field.type === FieldType.number,
    })),
    rows: Array.from({ length: Math.min(most, frame.length) }, (_, row) =>
      shown.map(field => cell(field, row, { frame, context })),
    ),
    rowCount: frame.length,
  }
}

function cell(field: Field, row: number, { frame, context }: { frame: DataFrame; context: LinkContext }): DrawnCell {
  const { formattedValueToString } = grafanaData()
  const value: unknown = field.values[row]
  const link = fieldLink(field.config.links, { frame, row, context })
  if (value === undefined || value === null)
    return { text: field.config.noValue ?? '', color: undefined, link: undefined }
  const display = field.display?.(value)
  const cellType = text(fields(fields(field.config.custom)['cellOptions'])['type']) ?? ''
  return {
    text: display === undefined ? String(value) : formattedValueToString(display),
    color: cellType.startsWith('color') ? display?.color : undefined,
    link,
  }
}
