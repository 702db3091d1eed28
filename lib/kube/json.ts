/** A JSON object's fields, or no fields at all when the value is something else: narrowing never throws. */
export function fields(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}

/** A JSON array's items, or none. */
export function items(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

/** The value when it is a string that says something, else undefined. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** The moment (epoch) that an RFC 3339 time names, else undefined. */
export function timeMs(value: unknown): number | undefined {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(ms) ? undefined : ms
}
