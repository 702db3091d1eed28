import type { Sample } from '../../prometheus/prometheus-client.ts'
import { truthKey } from './expected-values.ts'
import { mayBeMissing, passes } from './pass-criteria.ts'
import { type Dimension, labelOfDimension } from './query-expectations.ts'
import type { Bounds } from './usage-bounds.ts'

/** Usage is right within this part: the samples it is made of were taken at times that nobody knows exactly. */
export const USAGE_TOLERANCE = 0.05
/** Sums of thousands of decimal fractions differ in their last digits. */
const EXACT_TOLERANCE = 1e-6

/** One number that is not what it must be. */
export interface Mismatch {
  /** The labels by which it goes. */
  where: string
  got: string
  expected: string
}

/**
 * Compares a query's numbers with what they must be. `scale` is how many of the panel's unit a base unit is. What is zero
 * need not be there unless it is shown then too, and what isn't expected may be there as zero.
 */
export function compareWithTruth(
  samples: readonly Sample[],
  expected: ReadonlyMap<string, Bounds>,
  {
    by,
    scale,
    isUsage,
    isShownAtZero = false,
  }: { by: readonly Dimension[]; scale: number; isUsage: boolean; isShownAtZero?: boolean },
): Mismatch[] {
  const tolerance = isUsage ? USAGE_TOLERANCE : EXACT_TOLERANCE
  const mismatches: Mismatch[] = []
  const seen = new Set<string>()
  for (const { labels, value } of samples) {
    const values = by.map(dimension => labels[labelOfDimension[dimension]] ?? '')
    const key = truthKey(values)
    const wrong = (mismatch: Omit<Mismatch, 'where'>) => mismatches.push({ where: describe(by, values), ...mismatch })
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
    const where = describe(by, key.split('\u0000'))
    const { least, most } = bounds
    mismatches.push({ where, got: 'nothing', expected: range({ least: least * scale, most: most * scale }) })
  }
  return mismatches
}

/** A number as a person reads it: six digits that count. */
export function number(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(6))) : String(value)
}

function range({ least, most }: Bounds): string {
  return number(least) === number(most) ? number(least) : `${number(least)} to ${number(most)}`
}

function describe(by: readonly Dimension[], values: readonly string[]): string {
  return by.length === 0
    ? 'in all'
    : by.map((dimension, index) => `${labelOfDimension[dimension]}=${values[index]}`).join(', ')
}
