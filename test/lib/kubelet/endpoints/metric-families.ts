import assert from 'node:assert/strict'
import { there } from '../kubelet-fixtures.ts'

/** Families and samples of a metrics text: type and help by name, label names by name. */
export function familiesOf(text: string) {
  const families = new Map<string, { type: string; help: string; labels: Set<string>; timed: boolean }>()
  for (const line of text.split('\n')) {
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    const family = families.get(name) ?? { type: '', help: '', labels: new Set<string>(), timed: false }
    if (kind === 'HELP') families.set(name, { ...family, help: rest })
    if (kind === 'TYPE') families.set(name, { ...family, type: rest })
    const sample = /^(\w+)(?:\{(.*)\})? (\S+)( \d+)?$/.exec(line)
    if (sample === null) continue
    const of =
      families.get(sample[1] ?? '') ?? there(families.get((sample[1] ?? '').replace(/_(bucket|sum|count)$/, '')))
    // With the bounds of buckets.
    const names = [...(sample[2] ?? '').matchAll(/(\w+)="([^"]*)/g)].map(([, label, value]) =>
      label === 'le' ? `le=${value}` : label,
    )
    of.labels.add(names.join())
    of.timed = sample[4] !== undefined
    assert(sample[3] === '+Inf' || Number.isFinite(Number(sample[3])), line)
  }
  return families
}
