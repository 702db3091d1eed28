import type { SyntaxNode } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'
import { failedPart } from '../cli/errors.ts'
import { buildExpr, children } from './ast-builder.ts'
import { exceededLimit, isCutAt } from './parser-limits.ts'
import { type Expr, type Selector, type Span, walk } from './promql-ast.ts'
import { type TypeFault, typeFaults } from './promql-types.ts'
import { type NeutralText, neutralText, variablesIn, writtenSpan } from './query-variables.ts'

/** An error in the written text. */
export interface PromqlFault extends TypeFault {
  /** From 1. */
  line: number
  column: number
}

/** A parsed query. */
export interface ParsedQuery {
  /** The errors for which Prometheus refuses it. */
  faults: readonly PromqlFault[]
  /** Undefined when the text doesn't parse. */
  expr: Expr | undefined
  /** The Grafana variables in it, each once, without `$`. */
  variables: readonly string[]
  /** Why the parser cannot read the text, which Prometheus may accept. Then there is no fault and no expression. */
  unread?: string
}

const TOO_LONG = 'the query is too long for the lab’s parser'
const TOO_DEEP = 'the query is nested too deeply for the lab’s parser'

/** Dashboards are checked with several selections, so that the same texts are parsed again and again. */
const parsed = new Map<string, ParsedQuery>()
const MOST_PARSED = 1_000

/**
 * Parses a PromQL query of a dashboard with Grafana's variables at any place. Never throws: errors are among the
 * faults, first those of the grammar, and if there are none, those of types.
 */
export function parsePromql(written: string): ParsedQuery {
  const known = parsed.get(written)
  if (known !== undefined) return known
  const query = parseText(written)
  if (parsed.size >= MOST_PARSED) parsed.clear()
  parsed.set(written, query)
  return query
}

function parseText(written: string): ParsedQuery {
  const variables = variablesIn(written)
  const unread = (why: string) => ({ faults: [], expr: undefined, variables, unread: why })
  const limit = exceededLimit(written)
  if (limit !== undefined) return unread(limit === 'depth' ? TOO_DEEP : TOO_LONG)
  const neutral = neutralText(written)
  const { topNode } = parser.parse(neutral.text)
  const refused = (fault: TypeFault) => ({ faults: [placed(fault, written)], expr: undefined, variables })
  const fault = syntaxFault(topNode, neutral)
  if (fault !== undefined) return isCutAt(written, fault.offset) ? unread(TOO_LONG) : refused(fault)
  const [node] = children(topNode)
  if (node === undefined) return refused({ message: 'there is no expression', offset: 0 })
  try {
    const { expr, faults } = buildExpr(node, neutral, written)
    return { faults: [...faults, ...typeFaults(expr)].map(each => placed(each, written)), expr, variables }
  } catch (error) {
    // The stack is full.
    if (error instanceof RangeError) return unread(TOO_LONG)
    const { what, next } = failedPart(error)
    return refused({ message: `${what}; ${next}`, offset: 0 })
  }
}

/** The selectors of an expression in order. */
export function selectorsOf(expr: Expr | undefined): (Selector & Span)[] {
  if (expr === undefined) return []
  return [...walk(expr)].flatMap(({ expr: each }) => (each.kind === 'selector' ? [each] : []))
}

/** The first syntax error, also in strings, where the grammar accepts more than Prometheus. */
function syntaxFault(top: SyntaxNode, neutral: NeutralText): TypeFault | undefined {
  let found: TypeFault | undefined
  let foundAt = Number.POSITIVE_INFINITY
  const note = (message: string, at: number) => {
    if (at >= foundAt) return
    foundAt = at
    found = { message, offset: writtenSpan(neutral, { from: at, to: at }).from }
  }
  top.cursor().iterate(each => {
    const { type, from, to } = each
    const text = neutral.text.slice(from, to)
    if (type.name === 'StringLiteral') {
      const wrong = stringFault(text)
      if (wrong !== undefined) note(wrong, from)
    } else if (type.isError && from <= foundAt) {
      note(...syntaxMessage(each.node, neutral.text))
    }
  })
  return found
}

/** The meaning of an error node. An unknown function parses as a selector and something unexpected. */
function syntaxMessage(node: SyntaxNode, text: string): [message: string, at: number] {
  const rest = text.slice(node.from)
  if (rest.trim() === '') return ['the expression ends too early', node.from]
  const [name] = /[a-zA-Z_:][\w:]*\s*$/.exec(text.slice(0, node.from)) ?? []
  if (rest.startsWith('(') && name !== undefined)
    return [`there is no function ${name.trim()}()`, node.from - name.length]
  const [word = ''] = /^\s*(?:[\w:.]+|"[^"]*"?|\S)/.exec(rest) ?? []
  return [`unexpected ${word.trim()}`, node.from + (word.length - word.trimStart().length)]
}

/** A string that Prometheus refuses: no end quote, a line break, or an unknown escape. */
function stringFault(literal: string): string | undefined {
  const quote = literal.charAt(0)
  if (quote === '`') return undefined
  if (literal.length < 2 || !literal.endsWith(quote)) return `a string has no end: ${literal.slice(0, 20)}`
  if (literal.includes('\n')) return 'a string has a line break in it; write \\n'
  const known = /\\(?:[abfnrtv\\]|[0-7]{3}|x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|(?<other>.))/gs
  for (const { groups } of literal.slice(1, -1).matchAll(known)) {
    const other = groups?.['other']
    if (other !== undefined && other !== quote) return `a string has the unknown escape \\${other}; write \\\\${other}`
  }
  return undefined
}

function placed({ message, offset }: TypeFault, written: string): PromqlFault {
  const before = written.slice(0, offset).split('\n')
  return { message, offset, line: before.length, column: (before.at(-1) ?? '').length + 1 }
}
