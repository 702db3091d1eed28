/** A place in a dashboard. */
export interface Place {
  /** The dashboard's file or other origin. */
  file: string
  dashboard: string
  /** The panel's title, or `$name` of a variable; empty for the whole dashboard. */
  panel: string
  refId: string
}

/** Something that a cause explains, and its place. */
interface Located extends Place {
  message: string
  /** The metric, label or variable that it is about, where many messages have one. */
  subject?: string | undefined
}

/** The most messages of one cause, and the most names, in the text. */
const MOST_MESSAGES = 3
const MOST_NAMES = 8
const MOST_CHARACTERS = 200
/** Several metrics, such as those of a query. */
const METRICS = /^[\w:.]+(?:, [\w:.]+)+$/

/**
 * A cause as text: a line with its counts, then its most frequent messages. With `namesOnly`, which is for messages that differ in a name
 * alone, many messages are one line of names.
 */
export function causeLines(
  found: readonly Located[],
  given: { cause: string; what: string; noun: string; titles: ReadonlyMap<string, string>; namesOnly: boolean },
): string[] {
  const { cause, what, noun, titles, namesOnly } = given
  if (found.length === 0) return []
  const places = new Set(found.map(({ file, panel }) => `${file} ${panel}`)).size
  const messages = mostFrequent(found, ({ subject, message }) => subject ?? message)
  const isLong = namesOnly && messages.length > MOST_MESSAGES
  return [
    `${cause}: ${plural(found.length, noun)} in ${plural(places, 'place')}: ${what}`,
    ...(isLong ? [namesLine(found)] : messageLines(messages, titles)),
  ]
}

type Messages = [subject: string, found: [Located, ...Located[]]][]

function messageLines(messages: Messages, titles: ReadonlyMap<string, string>): string[] {
  const lines = messages.slice(0, MOST_MESSAGES).map(([, [first, ...others]]) => {
    const { file, dashboard, panel, refId, message } = first
    const place = [titles.get(file) ?? dashboard, [panel, refId].filter(Boolean).join(', ')].filter(Boolean).join(' / ')
    const more = others.length === 0 ? '' : ` and ${others.length} more`
    const text = message.length > MOST_CHARACTERS ? `${message.slice(0, MOST_CHARACTERS)}…` : message
    return `  ${place}${more}${place === '' ? '' : ': '}${text}`
  })
  const rest = messages.length - MOST_MESSAGES
  return rest > 0 ? [...lines, `  and ${plural(rest, 'other message')}`] : lines
}

function namesLine(found: readonly Located[]): string {
  const subjects = found.map(({ subject, message }) => subject ?? message)
  const each = subjects.flatMap(subject => (METRICS.test(subject) ? subject.split(', ') : [subject]))
  const names = mostFrequent(each, name => name).map(([name, of]) => `${name} (${of.length})`)
  const rest = names.length - MOST_NAMES
  return `  ${names.slice(0, MOST_NAMES).join(', ')}${rest > 0 ? ` and ${plural(rest, 'other name')}` : ''}`
}

/** Items by a key, the most frequent first. */
export function mostFrequent<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
): [string, [Item, ...Item[]]][] {
  const groups = new Map<string, [Item, ...Item[]]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return [...groups].sort(([, a], [, b]) => b.length - a.length)
}

/** A count and its noun. */
export function plural(count: number, word: string, words = `${word}s`): string {
  return `${count} ${count === 1 ? word : words}`
}
