/** The name with the smallest edit distance, if that is less than a fifth of the length. */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  const most = Math.max(1, Math.floor(name.length / 5))
  let best: { name: string; distance: number } | undefined
  for (const other of names) {
    if (Math.abs(other.length - name.length) > most) continue
    const distance = editDistance(name, other)
    if (distance <= most && distance < (best?.distance ?? Number.POSITIVE_INFINITY)) best = { name: other, distance }
  }
  return best?.name
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
