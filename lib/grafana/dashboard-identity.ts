import { createHash } from 'node:crypto'
import type { Dashboard } from './dashboard-model.ts'

/** The identity of a dashboard. Only the source is unique. */
type Identity = Pick<Dashboard, 'source' | 'uid' | 'title'>

/** The longest key that file names and URLs carry well. */
const MAX_LENGTH = 80

/**
 * A key for each dashboard, by source. Keys are unique, also without case, and valid in an HTML id, a file name and a
 * URL. The key is the uid where possible; otherwise it depends on the dashboard alone, or on its source where another
 * dashboard is the same.
 */
export function dashboardKeys(dashboards: readonly Identity[]): Map<string, string> {
  const taken = new Set<string>()
  const keys = new Map<string, string>()
  // A title must not use the uid of another dashboard.
  for (const { source, uid, title } of [...dashboards].sort((a, b) => Number(b.uid !== '') - Number(a.uid !== ''))) {
    const words = uid || title
    const isPlain = /^[\w-]+$/.test(words) && words.length <= MAX_LENGTH
    const slug = words.replace(/\W+/g, '-').replace(/^-|-$/g, '').slice(0, MAX_LENGTH)
    const base = isPlain ? words : `${slug || 'dashboard'}-${shortHash(words)}`
    const key = taken.has(base.toLowerCase()) ? `${base}-${shortHash(source)}` : base
    taken.add(key.toLowerCase())
    keys.set(source, key)
  }
  return keys
}

/** A title for each dashboard, by source: its own title, with the last part of the source that is unique where several have the same. */
export function shownTitles(dashboards: readonly Pick<Identity, 'source' | 'title'>[]): Map<string, string> {
  const named = dashboards.map(({ source, title }) => {
    const [end] = source.split(/\/|, /).slice(-1)
    return { source, titles: title === '' ? [source] : [title, `${title} (${end})`, `${title} (${source})`] }
  })
  const counts = new Map<string, number>()
  for (const each of named.flatMap(({ titles }) => titles)) counts.set(each, (counts.get(each) ?? 0) + 1)
  return new Map(
    named.map(({ source, titles }) => [source, titles.find(each => counts.get(each) === 1) ?? titles.at(-1) ?? '']),
  )
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8)
}
