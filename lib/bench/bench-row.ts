/** One measured figure. */
export interface BenchRow {
  name: string
  value: number
  unit: string
  /** The reference value, measured in the same run and in the same unit. */
  baseline?: { name: string; value: number }
  /** The target of the value. */
  goal?: string
}

/** The rows of a table: figure, value, baseline, ratio of value to baseline, goal. */
export function benchTable(rows: readonly BenchRow[]): string[][] {
  return [
    ['FIGURE', 'VALUE', 'BASELINE', 'RATIO', 'GOAL'],
    ...rows.map(({ name, value, unit, baseline, goal }) => [
      name,
      `${round(value)} ${unit}`,
      baseline === undefined ? '-' : `${round(baseline.value)} ${unit}, ${baseline.name}`,
      baseline === undefined ? '-' : `${(value / baseline.value).toFixed(2)}`,
      goal ?? '-',
    ]),
  ]
}

function round(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(1)
}
