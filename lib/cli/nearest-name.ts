/** Words of a name that are the unit of its numbers. */
const units =
  /^(?:bytes|bits|seconds|milliseconds|microseconds|nanoseconds|cores|packets|errors|ratio|percent|celsius|total)$/

/**
 * The name that a misspelled one may stand for: with other separators (`k8s.pod.phase`), with a missing unit (`uptime` for
 * `uptime_seconds_total`), or the nearest one whose words differ in few letters. A name with another unit is another metric, not a correction.
 */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  const plain = name.replaceAll('.', '_')
  const full = names.find(
    other => other === plain || (other.startsWith(`${plain}_`) && isUnits(other.slice(plain.length + 1))),
  )
  if (full !== undefined) return full
  const words = wordsOf(name)
  const most = Math.max(1, Math.floor(name.length / 5))
  let best: { name: string; distance: number } | undefined
  for (const other of names) {
    if (Math.abs(other.length - name.length) > most) continue
    const others = wordsOf(other)
    if (others.length !== words.length || hasOtherUnit(words, others)) continue
    let distance = 0
    for (const [at, word] of words.entries()) {
      if (word === others[at]) continue
      const letters = editDistance(word, others[at] ?? '')
      distance += letters > Math.max(1, Math.floor(word.length / 3)) ? Number.POSITIVE_INFINITY : letters
      // Most names differ in their first word.
      if (distance > most) break
    }
    if (distance < (best?.distance ?? most + 1)) best = { name: other, distance }
  }
  return best?.name
}

/** `nearestName` among the same names, each searched once. */
export function nearestAmong(names: readonly string[]): (name: string) => string | undefined {
  const found = new Map<string, string | undefined>()
  return name => {
    if (!found.has(name)) found.set(name, nearestName(name, names))
    return found.get(name)
  }
}

function wordsOf(name: string): string[] {
  return name.split(/[_:.]/).filter(word => word !== '')
}

function isUnits(words: string): boolean {
  return words.split('_').every(word => units.test(word))
}

/** Whether each of two names has a unit that the other does not have. */
function hasOtherUnit(words: readonly string[], others: readonly string[]): boolean {
  const isMissing = (from: readonly string[], among: readonly string[]) =>
    from.some(word => units.test(word) && !among.includes(word))
  return isMissing(words, others) && isMissing(others, words)
}

/** The number of inserted, deleted and changed letters between two words. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let line = 1; line <= from.length; line++) {
    const next = [line]
    for (let column = 1; column <= to.length; column++) {
      const changed = (row[column - 1] ?? 0) + (from[line - 1] === to[column - 1] ? 0 : 1)
      next.push(Math.min(changed, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
