import type { SyntaxNode } from '@lezer/common'
import { durationMs } from './durations.ts'
import type { Aggregate, Binary, Expr, Matcher, Selector, Span } from './promql-ast.ts'
import type { TypeFault } from './promql-types.ts'
import { type NeutralText, writtenSpan } from './query-variables.ts'

/** Nodes that only wrap an expression, which is their first child expression. */
const wrappers = ['ParenExpr', 'AnchoredExpr', 'SmoothedExpr']
/** `offset` and `@`. */
const movers = ['OffsetExpr', 'StepInvariantExpr']
/** The nodes that these can follow. */
const movable = ['VectorSelector', 'MatrixSelector', 'SubqueryExpr']
const operations = ['BinaryExpr', 'UnaryExpr']
const operators = /^(?:Pow|Mul|Div|Mod|Atan2|Add|Sub|Eql|Gte|Gtr|TrimUpper|TrimLower|Lte|Lss|Neq|And|Or|Unless)$/

/**
 * Builds an expression from the grammar's tree, which has no errors. The faults are what the grammar accepts and
 * Prometheus does not.
 */
export function buildExpr(
  node: SyntaxNode,
  neutral: NeutralText,
  written: string,
): { expr: Expr; faults: TypeFault[] } {
  const faults: TypeFault[] = []
  return { expr: exprOf(node), faults }

  /**
   * The expression of a node. The grammar parses `a - b offset 1w` as `(a - b) offset 1w`; Prometheus applies the
   * offset to `b` alone. So the modifier of an operation is passed down (`moved`) to its last operand.
   */
  function exprOf(node: SyntaxNode, moved = ''): Expr {
    const span = writtenSpan(neutral, node)
    const [first] = children(node)
    if (first !== undefined && movers.includes(node.name))
      return exprOf(first, `${textOf(node).slice(textOf(first).length)}${moved}`)
    if (moved !== '' && !operations.includes(node.name)) {
      if (!movable.includes(node.name)) {
        const word = moved.includes('offset') ? 'offset' : '@'
        faults.push({ message: `${word} stands only after a metric, its range or a subquery`, offset: span.from })
      }
      return { ...exprOf(node), moved: moved.trim() }
    }
    if (first !== undefined && wrappers.includes(node.name)) return exprOf(first)
    switch (node.name) {
      case 'NumberDurationLiteral':
        return hasVariable(node)
          ? { kind: 'variable', text: textOf(node), ...span }
          : { kind: 'number', value: numberOf(textOf(node)), ...span }
      case 'StringLiteral':
        return { kind: 'string', value: unquoted(textOf(node)), ...span }
      case 'VectorSelector':
        return { ...selectorOf(node), ...span }
      case 'MatrixSelector':
      case 'SubqueryExpr':
        return { ...rangeOf(node, span), ...span }
      case 'FunctionCall':
        return { kind: 'call', name: textOf(first ?? node), args: argsOf(node), ...span }
      case 'AggregateExpr':
        return { ...aggregateOf(node), ...span }
      case 'BinaryExpr':
        return { ...binaryOf(node, moved), ...span }
      case 'UnaryExpr': {
        const [op = node, expr = node] = children(node)
        return { kind: 'unary', op: textOf(op), expr: exprOf(expr, moved), ...span }
      }
      default:
        throw new Error(`PromQL's grammar has a ${node.name} that is not known here`)
    }
  }

  function selectorOf(node: SyntaxNode): Selector | { kind: 'variable'; text: string } {
    const identifier = node.getChild('Identifier')
    let metric = identifier === null ? undefined : textOf(identifier)
    const list = node.getChild('LabelMatchers')
    // A variable alone can be a number, a metric or a whole expression.
    if (list === null && identifier !== null && metric !== undefined && isVariable(identifier))
      return { kind: 'variable', text: metric }
    const matchers: Matcher[] = []
    let hidden = false
    for (const each of children(list)) {
      const [name = each, op = each, value = each] = children(each)
      if (each.name === 'QuotedLabelName') metric = unquoted(textOf(each))
      if (each.name !== 'UnquotedLabelMatcher' && each.name !== 'QuotedLabelMatcher') continue
      const matcher = { label: unquoted(textOf(name)), op: matchOp(textOf(op)), value: unquoted(textOf(value)) }
      // A variable in place of a whole matcher is unknown.
      if (isOneVariable(name, value)) hidden = true
      else if (matcher.label === '__name__' && matcher.op === '=') metric = matcher.value
      else matchers.push(matcher)
    }
    return { kind: 'selector', metric, matchers, hidden }
  }

  function rangeOf(node: SyntaxNode, span: Span): Extract<Expr, { kind: 'range' | 'subquery' }> {
    const [inner = node, range = node, step] = children(node)
    const parts = { expr: exprOf(inner), range: textOf(range), ...span }
    if (node.name !== 'MatrixSelector')
      return { kind: 'subquery', ...parts, step: step === undefined ? '' : textOf(step) }
    if (inner.name !== 'VectorSelector') {
      const message = 'a range stands only after a metric; after anything else it needs a step: [5m:1m]'
      faults.push({ message, offset: span.from })
    }
    return { kind: 'range', ...parts }
  }

  function argsOf(node: SyntaxNode): Expr[] {
    return children(node.getChild('FunctionCallBody')).map(each => exprOf(each))
  }

  function aggregateOf(node: SyntaxNode): Aggregate {
    const modifier = node.getChild('AggregateModifier')
    return {
      kind: 'aggregate',
      op: textOf(node.getChild('AggregateOp') ?? node).toLowerCase(),
      grouping: modifier === null ? 'none' : modifier.getChild('By') === null ? 'without' : 'by',
      labels: labelsOf(modifier?.getChild('GroupingLabels')),
      args: argsOf(node),
    }
  }

  function binaryOf(node: SyntaxNode, moved: string): Binary {
    const parts = children(node)
    const [left = node] = parts
    const right = parts.at(-1) ?? node
    const op = parts.find(each => operators.test(each.name)) ?? node
    const clause = node.getChild('MatchingModifierClause')
    const [matching, include] = clause?.getChildren('GroupingLabels') ?? []
    const has = (name: string) => (clause?.getChild(name) ?? null) !== null
    return {
      kind: 'binary',
      op: textOf(op).toLowerCase(),
      left: exprOf(left),
      right: exprOf(right, moved),
      bool: node.getChild('BoolModifier') !== null,
      matching: has('On') ? 'on' : has('Ignoring') ? 'ignoring' : 'all',
      matchingLabels: labelsOf(matching),
      group: has('GroupLeft') ? 'left' : has('GroupRight') ? 'right' : 'none',
      include: labelsOf(include),
    }
  }

  function labelsOf(node: SyntaxNode | null | undefined): string[] {
    return children(node ?? null).map(each => unquoted(textOf(each)))
  }

  function textOf(node: { from: number; to: number }): string {
    const { from, to } = writtenSpan(neutral, node)
    return written.slice(from, to)
  }

  function hasVariable(node: SyntaxNode): boolean {
    return neutral.standIns.some(stand => stand.standsFrom < node.to && stand.standsTo > node.from)
  }

  function isVariable(node: SyntaxNode): boolean {
    return neutral.standIns.some(stand => stand.standsFrom === node.from && stand.standsTo === node.to)
  }

  function isOneVariable(name: SyntaxNode, value: SyntaxNode): boolean {
    return neutral.standIns.some(stand => stand.standsFrom <= name.from && stand.standsTo >= value.to)
  }
}

/** The children of a node without comments. */
export function children(node: SyntaxNode | null): SyntaxNode[] {
  const found: SyntaxNode[] = []
  for (let child = node?.firstChild ?? null; child !== null; child = child.nextSibling) {
    if (child.name !== 'LineComment') found.push(child)
  }
  return found
}

function matchOp(text: string): Matcher['op'] {
  return text === '=~' || text === '!~' || text === '!=' ? text : '='
}

const ESCAPE = /\\(?:([abfnrtv])|([0-7]{3}|x[\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([\s\S]))/g
const CONTROLS: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}

/** The value of a PromQL string in any quotes (prometheus/util/strutil/quote.go); another text unchanged. */
export function unquoted(text: string): string {
  const [, quote, inner = text] = /^(["'`])([\s\S]*)\1$/.exec(text) ?? []
  if (quote === undefined || quote === '`') return inner
  return inner.replace(ESCAPE, (_, control, byte, short, long, other) => {
    if (other !== undefined) return other
    if (control !== undefined) return CONTROLS[control] ?? ''
    const code =
      byte === undefined ? Number.parseInt(short ?? long, 16) : Number(`0${/^x/.test(byte) ? '' : 'o'}${byte}`)
    return code <= 0x10_ff_ff ? String.fromCodePoint(code) : '\ufffd'
  })
}

/** A number, or a duration in seconds: Prometheus 3 accepts both. */
function numberOf(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1
  const digits = text.replace(/^[-+]/, '').replaceAll('_', '').toLowerCase()
  if (digits === 'inf' || digits === 'nan') return digits === 'inf' ? sign * Number.POSITIVE_INFINITY : Number.NaN
  const ms = durationMs(digits)
  return sign * (ms === undefined ? Number(digits) : ms / 1_000)
}
