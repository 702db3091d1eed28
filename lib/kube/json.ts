/** The fields of a JSON object; no fields for any other value. */
export function fields(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}

/** The items of a JSON array; none for any other value. */
export function items(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

/** The value if it is a non-empty string, else undefined. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** The name of a Kubernetes object; empty when it has none. */
export function nameOf(object: unknown): string {
  return text(fields(fields(object)['metadata'])['name']) ?? ''
}

/** The Unix time in milliseconds of an RFC 3339 time, else undefined. */
export function timeMs(value: unknown): number | undefined {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(ms) ? undefined : ms
}

/** A Unix time in milliseconds as the API writes it: `2026-11-29T12:30:00Z`. */
export function apiTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}

/** A copy of an object with changes: objects are merged, `undefined` removes a field, any other value replaces the old one. */
export function merged(base: unknown, changes: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const result = { ...fields(base) }
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) delete result[name]
    else if (typeof value !== 'object' || value === null || Array.isArray(value)) result[name] = value
    else result[name] = merged(result[name], value as Record<string, unknown>)
  }
  return result
}

/** The status of one condition of an object, such as `True`; empty when it has no such condition. */
export function conditionStatus(object: Record<string, unknown>, type: string): string {
  const conditions = items(fields(object['status'])['conditions']).map(fields)
  return text(conditions.find(each => each['type'] === type)?.['status']) ?? ''
}
