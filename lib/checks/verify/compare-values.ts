import type { Sample } from '../../prometheus/prometheus-client.ts'
import { type Dimension, type DimensionLabels, labelOfDimension } from './dimensions.ts'
import { truthKey } from './expected-values.ts'
import { mayBeMissing, passes } from './pass-criteria.ts'
import type { Bounds } from './usage-bounds.ts'

/** The tolerance of usage: the times of its samples are not known exactly. */
const USAGE_TOLERANCE = 0.05
/** The tolerance of counts: sums of many decimal fractions differ in the last digits. */
const EXACT_TOLERANCE = 1e-6

/** One number that does not pass. */
export interface Mismatch {
  /** The labels of the number. */
  where: string
  got: string
  expected: string
}

/** How the numbers of a query are compared. */
interface Comparison {
  by: readonly Dimension[]
  labels?: DimensionLabels
  /** Converts a base unit to the panel's unit. */
  scale: number
  isUsage: boolean
  isShownAtZero?: boolean
}

/**
 * Compares the numbers of a query with their expected values (pass-criteria.ts).
 */
export function compareWithTruth(
  samples: readonly Sample[],
  expected: ReadonlyMap<string, Bounds>,
  { by, labels: names = labelOfDimension, scale, isUsage, isShownAtZero = false }: Comparison,
): Mismatch[] {
  const tolerance = isUsage ? USAGE_TOLERANCE : EXACT_TOLERANCE
  const columns = by.map(dimension => names[dimension])
  const mismatches: Mismatch[] = []
  const seen = new Set<string>()
  for (const { labels, value } of samples) {
    const values = columns.map(column => labels[column] ?? '')
    const key = truthKey(values)
    const wrong = (mismatch: Omit<Mismatch, 'where'>) =>
      mismatches.push({ where: describe(columns, values), ...mismatch })
    if (seen.has(key)) {
      wrong({ got: `another series, ${number(value)}`, expected: 'one series' })
      continue
    }
    seen.add(key)
    const bounds = expected.get(key)
    if (bounds === undefined) {
      if (value !== 0) wrong({ got: number(value), expected: 'nothing: there is no such thing' })
      continue
    }
    const scaled = { least: bounds.least * scale, most: bounds.most * scale }
    if (!passes(value, scaled, tolerance)) wrong({ got: number(value), expected: range(scaled) })
  }
  for (const [key, bounds] of expected) {
    if (seen.has(key) || mayBeMissing(bounds, isShownAtZero)) continue
    const where = describe(columns, key.split('\u0000'))
    const { least, most } = bounds
    mismatches.push({ where, got: 'nothing', expected: range({ least: least * scale, most: most * scale }) })
  }
  return mismatches
}

/** A number with six significant digits. */
export function number(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(6))) : String(value)
}

function range({ least, most }: Bounds): string {
  return number(least) === number(most) ? number(least) : `${number(least)} to ${number(most)}`
}

function describe(columns: readonly string[], values: readonly string[]): string {
  return columns.length === 0 ? 'in all' : columns.map((column, index) => `${column}=${values[index]}`).join(', ')
}

/** How many of a unit are one base unit (byte, core, 1): a byte is 8 bits, a ratio of 1 is 100 percent. */
const PER_BASE: Readonly<Record<string, number>> = { percent: 100, bits: 8, decbits: 8, bps: 8, binbps: 8 }

/** The factor from base units to a unit, by Grafana's id: `kbytes` and `KiBs` are 1,024 bytes, `deckbytes` and `KBs` 1,000, `Kibits` 1,024 bits. */
export function scaleOf(unit: string): number {
  const [, decimal, prefix, binary, ending] = /^(dec)?([kmgt])(i)?(bytes|Bs|bits)$/i.exec(unit) ?? []
  if (prefix === undefined) return PER_BASE[unit] ?? 1
  const isBinary = ending === 'bytes' ? decimal === undefined : binary !== undefined
  const power = 1 + 'kmgt'.indexOf(prefix.toLowerCase())
  return (ending === 'bits' ? 8 : 1) / (isBinary ? 1_024 : 1_000) ** power
}
