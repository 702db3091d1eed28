import { createHash } from 'node:crypto'
import type { Dashboard } from './dashboard-model.ts'

/** What dashboards are told apart by: the source alone is different for each. */
type Identity = Pick<Dashboard, 'source' | 'uid' | 'title'>

/** As long as a file's name and an address carry easily. */
const MAX_LENGTH = 80

/**
 * A key for each dashboard, by its source: unique whatever uids and titles there are, also where case doesn't count, and valid in an HTML id, a
 * file's name and an address. It is the uid wherever that will do, and otherwise depends on the dashboard alone, or on its source where another has the same.
 */
export function dashboardKeys(dashboards: readonly Identity[]): Map<string, string> {
  const taken = new Set<string>()
  const keys = new Map<string, string>()
  // A title must not take what is another's uid.
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

/** What a person calls each dashboard, by its source: the title, with the source where several have the same title. */
export function shownTitles(dashboards: readonly Pick<Identity, 'source' | 'title'>[]): Map<string, string> {
  const counts = new Map<string, number>()
  for (const { title } of dashboards) counts.set(title, (counts.get(title) ?? 0) + 1)
  return new Map(
    dashboards.map(({ source, title }) => {
      if (title === '') return [source, source]
      return [source, counts.get(title) === 1 ? title : `${title} (${source})`]
    }),
  )
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8)
}
