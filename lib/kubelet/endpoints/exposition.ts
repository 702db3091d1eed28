/** The content type of the Prometheus text format. */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** Labels in the text format, without the braces: `namespace="shop",pod="web"`. */
export type LabelText = string & { readonly labels: unique symbol }

/** Metric families by a key of the caller: name, type and help text. */
export type FamilyTable = Readonly<Record<string, readonly [name: string, type: 'counter' | 'gauge', help: string]>>

/** Adds a sample to a family. A value that is not finite is ignored. */
export type AddSample = (labels: LabelText | undefined, value: number, timestampMs?: number) => void

/**
 * An empty document in the Prometheus text format. `families` adds samples; `text` gives the families in the order of the table,
 * without those that have no sample.
 */
export function createExposition<T extends FamilyTable>(
  table: T,
): { families: Record<keyof T, AddSample>; text: () => string } {
  const documents: string[][] = []
  const add = ([name, type, help]: T[keyof T]): AddSample => {
    const lines = [`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`]
    documents.push(lines)
    return (labels, value, timestampMs) => {
      if (!Number.isFinite(value)) return
      const time = timestampMs === undefined ? '' : ` ${timestampMs}`
      lines.push(labels === undefined ? `${name} ${value}${time}\n` : `${name}{${labels}} ${value}${time}\n`)
    }
  }
  const families = Object.fromEntries(Object.entries(table).map(([key, family]) => [key, add(family as T[keyof T])]))
  return {
    families: families as Record<keyof T, AddSample>,
    text: () => documents.map(lines => (lines.length > 1 ? lines.join('') : '')).join(''),
  }
}

/** Labels in the text format, with escaped values. */
export function labelText(labels: Record<string, string>): LabelText {
  const parts: string[] = []
  for (const name of Object.keys(labels)) parts.push(`${name}="${escaped(labels[name] ?? '')}"`)
  return parts.join(',') as LabelText
}

function escaped(value: string): string {
  return /["\\\n]/.test(value) ? value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n') : value
}
