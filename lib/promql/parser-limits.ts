/** The deepest brackets that the parser reads: its time grows with their square. */
const MOST_DEPTH = 300

/** The parser cuts a chain such as `a or b or …` after 150 operations that end past 2,000 characters. */
const LEAST_CUT = { operators: 150, offset: 2_000 }

/** More operations than the parser can read in any chain. */
const MOST_OPERATORS = 1_200

const VERBATIM = /"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|`[^`]*`?|#[^\n]*/gs
const OPERATORS = /[-+*/%^<>=!]+|\b(?:and|or|unless|atan2)\b|\[/gi

/** The limit of the parser that a query exceeds, if any. A longer chain is not always an error to the parser. */
export function exceededLimit(text: string): 'depth' | 'length' | undefined {
  let depth = 0
  for (const [bracket] of text.replace(VERBATIM, '').matchAll(/[()[\]{}]/g)) {
    depth = '([{'.includes(bracket) ? depth + 1 : Math.max(0, depth - 1)
    if (depth > MOST_DEPTH) return 'depth'
  }
  return operators(text) > MOST_OPERATORS ? 'length' : undefined
}

/**
 * Whether a syntax error can be the parser's own limit on the length of a chain, which Prometheus does not have
 * (`MaxLeftAssociativeReductionCount` in @lezer/lr). An error further to the left is a true one.
 */
export function isCutAt(text: string, errorOffset: number): boolean {
  return errorOffset >= LEAST_CUT.offset && operators(text.slice(0, errorOffset)) >= LEAST_CUT.operators
}

/** The number of operators and subqueries in a text; those of matchers make no chain. */
function operators(text: string): number {
  const bare = text.replace(VERBATIM, '').replace(/\{[^}]*\}?/g, '')
  return bare.match(OPERATORS)?.length ?? 0
}
