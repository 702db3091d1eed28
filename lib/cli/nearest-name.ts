/** Words of a name that are the unit of its numbers. */
const units =
  /^(?:bytes|bits|seconds|milliseconds|microseconds|nanoseconds|cores|packets|errors|ratio|percent|celsius|total)$/

/**
 * The name with the smallest edit distance, if that is less than a fifth of the length. A name with another unit is
 * another metric, not a correction.
 */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  const most = Math.max(1, Math.floor(name.length / 5))
  let best: { name: string; distance: number } | undefined
  for (const other of names) {
    if (Math.abs(other.length - name.length) > most || hasOtherUnit(name, other)) continue
    const distance = editDistance(name, other)
    if (distance <= most && distance < (best?.distance ?? Number.POSITIVE_INFINITY)) best = { name: other, distance }
  }
  return best?.name
}

/** Whether each of two names has a unit that the other does not have. */
function hasOtherUnit(name: string, other: string): boolean {
  const [ofName, ofOther] = [name, other].map(each => each.split(/[_:.]/).filter(word => units.test(word)))
  const isMissing = (words: string[] = [], among: string[] = []) => words.some(word => !among.includes(word))
  return isMissing(ofName, ofOther) && isMissing(ofOther, ofName)
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
