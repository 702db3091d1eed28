/** The deepest brackets that the parser reads: its time grows with their square. */
const MOST_DEPTH = 300

/** The parser cuts a chain such as `a or b or …` after 150 operations that end past 2,000 characters. */
const LEAST_CUT = { operators: 150, offset: 2_000 }

/** Strings and comments, brackets, and what continues an expression on its level: operators and subqueries. */
const tokens =
  /"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|`[^`]*`?|#[^\n]*|[([{]|[)\]}]|[-+*/%^<>=!]+|\b(?:and|or|unless|atan2)\b/gis

/** More operations on one level than the parser can read in any chain. */
const MOST_OPERATORS = 1_200

/** The limit of the parser that a query exceeds, if any. A longer chain is not always an error to the parser. */
export function exceededLimit(text: string): 'depth' | 'length' | undefined {
  const { deepest, longest } = levelsOf(text)
  if (deepest > MOST_DEPTH) return 'depth'
  return longest > MOST_OPERATORS ? 'length' : undefined
}

/**
 * Whether a syntax error can be the parser's own limit on the length of a chain, which Prometheus does not have
 * (`MaxLeftAssociativeReductionCount` in @lezer/lr). An error further to the left is a true one.
 */
export function isCutAt(text: string, errorOffset: number): boolean {
  if (errorOffset < LEAST_CUT.offset) return false
  return levelsOf(text.slice(0, errorOffset)).open.some(operators => operators >= LEAST_CUT.operators)
}

/** The operators on each level of brackets that is open at the end, the most of any level, and the deepest level. */
function levelsOf(text: string): { open: readonly number[]; longest: number; deepest: number } {
  const open = [0]
  let [longest, deepest, matchers] = [0, 0, 0]
  for (const [token] of text.matchAll(tokens)) {
    if (/^["'`#]/.test(token)) continue
    if (/^[)\]}]/.test(token)) {
      if (open.length > 1) open.pop()
      matchers = Math.max(0, matchers - (token === '}' ? 1 : 0))
      continue
    }
    // The operators of matchers make no chain.
    if (!/^[({]/.test(token) && matchers === 0) longest = Math.max(longest, increment(open))
    if (token === '{') matchers++
    if (/^[([{]/.test(token)) deepest = Math.max(deepest, open.push(0) - 1)
  }
  return { open, longest, deepest }
}

function increment(counts: number[]): number {
  const count = (counts.pop() ?? 0) + 1
  counts.push(count)
  return count
}
