import type { SyntaxNode } from '@lezer/common'
import type { Aggregate, Binary, Expr, Matcher, Selector } from './promql-ast.ts'
import { type NeutralText, writtenSpan } from './query-variables.ts'

/** Nodes that only wrap an expression, which is their first child expression. */
const wrappers = ['ParenExpr', 'AnchoredExpr', 'SmoothedExpr']
/** `offset` and `@`. */
const movers = ['OffsetExpr', 'StepInvariantExpr']
/** The nodes that these can follow. */
const movable = ['VectorSelector', 'MatrixSelector', 'SubqueryExpr']
const operations = ['BinaryExpr', 'UnaryExpr']
const operators = /^(?:Pow|Mul|Div|Mod|Atan2|Add|Sub|Eql|Gte|Gtr|TrimUpper|TrimLower|Lte|Lss|Neq|And|Or|Unless)$/

/** Builds expressions from the grammar's tree, which has no errors. */
export class ExprBuilder {
  /** What the grammar accepts and Prometheus does not. */
  readonly faults: { message: string; offset: number }[] = []
  readonly #neutral: NeutralText
  readonly #written: string

  constructor(neutral: NeutralText, written: string) {
    this.#neutral = neutral
    this.#written = written
  }

  /**
   * The expression of a node. The grammar parses `a - b offset 1w` as `(a - b) offset 1w`; Prometheus applies the
   * offset to `b` alone. So the modifier of an operation is passed down (`moved`) to its last operand.
   */
  expr(node: SyntaxNode, moved = ''): Expr {
    const span = writtenSpan(this.#neutral, node)
    const [first] = children(node)
    if (first !== undefined && movers.includes(node.name)) {
      return this.expr(first, `${this.#text(node).slice(this.#text(first).length)}${moved}`)
    }
    if (moved !== '' && !operations.includes(node.name)) {
      if (!movable.includes(node.name)) {
        const word = moved.includes('offset') ? 'offset' : '@'
        this.faults.push({ message: `${word} stands only after a metric, its range or a subquery`, offset: span.from })
      }
      return { ...this.expr(node), moved: moved.trim() }
    }
    if (first !== undefined && wrappers.includes(node.name)) return this.expr(first)
    switch (node.name) {
      case 'NumberDurationLiteral':
        if (this.#hasVariable(node)) return { kind: 'variable', text: this.#text(node), ...span }
        return { kind: 'number', value: numberOf(this.#text(node)), ...span }
      case 'StringLiteral':
        return { kind: 'string', value: unquoted(this.#text(node)), ...span }
      case 'VectorSelector':
        return { ...this.#selector(node), ...span }
      case 'MatrixSelector':
      case 'SubqueryExpr':
        return { ...this.#range(node), ...span }
      case 'FunctionCall':
        return { kind: 'call', name: this.#text(first ?? node), args: this.#args(node), ...span }
      case 'AggregateExpr':
        return { ...this.#aggregate(node), ...span }
      case 'BinaryExpr':
        return { ...this.#binary(node, moved), ...span }
      case 'UnaryExpr': {
        const [op = node, expr = node] = children(node)
        return { kind: 'unary', op: this.#text(op), expr: this.expr(expr, moved), ...span }
      }
      default:
        throw new Error(`PromQL's grammar has a ${node.name} that is not known here`)
    }
  }

  #selector(node: SyntaxNode): Selector | { kind: 'variable'; text: string } {
    const identifier = node.getChild('Identifier')
    let metric = identifier === null ? undefined : this.#text(identifier)
    const list = node.getChild('LabelMatchers')
    // A variable alone can be a number, a metric or a whole expression.
    if (list === null && identifier !== null && metric !== undefined && this.#isVariable(identifier))
      return { kind: 'variable', text: metric }
    const matchers: Matcher[] = []
    let hidden = false
    for (const each of children(list)) {
      const [name = each, op = each, value = each] = children(each)
      if (each.name === 'QuotedLabelName') metric = unquoted(this.#text(each))
      else if (each.name === 'UnquotedLabelMatcher' || each.name === 'QuotedLabelMatcher') {
        const matcher: Matcher = {
          label: unquoted(this.#text(name)),
          op: matchOp(this.#text(op)),
          value: unquoted(this.#text(value)),
        }
        // A variable in place of a whole matcher is unknown.
        if (this.#sameVariable(name, value)) {
          hidden = true
          continue
        }
        if (matcher.label === '__name__' && matcher.op === '=') metric = matcher.value
        else matchers.push(matcher)
      }
    }
    return { kind: 'selector', metric, matchers, hidden }
  }

  #range(node: SyntaxNode): Expr extends infer Any ? Extract<Any, { kind: 'range' | 'subquery' }> : never {
    const [inner = node, range = node, step] = children(node)
    const span = writtenSpan(this.#neutral, node)
    const expr = this.expr(inner)
    if (node.name === 'MatrixSelector') {
      if (inner.name !== 'VectorSelector') {
        const message = 'a range stands only after a metric; after anything else it needs a step: [5m:1m]'
        this.faults.push({ message, offset: span.from })
      }
      return { kind: 'range', expr, range: this.#text(range), ...span }
    }
    return {
      kind: 'subquery',
      expr,
      range: this.#text(range),
      step: step === undefined ? '' : this.#text(step),
      ...span,
    }
  }

  #args(node: SyntaxNode): Expr[] {
    return children(node.getChild('FunctionCallBody')).map(each => this.expr(each))
  }

  #aggregate(node: SyntaxNode): Aggregate {
    const modifier = node.getChild('AggregateModifier')
    const grouping = modifier === null ? 'none' : modifier.getChild('By') === null ? 'without' : 'by'
    const op = node.getChild('AggregateOp') ?? node
    return {
      kind: 'aggregate',
      op: this.#text(op).toLowerCase(),
      grouping,
      labels: this.#labels(modifier?.getChild('GroupingLabels')),
      args: this.#args(node),
    }
  }

  #binary(node: SyntaxNode, moved: string): Binary {
    const parts = children(node)
    const [left = node] = parts
    const right = parts.at(-1) ?? node
    const op = parts.find(each => operators.test(each.name)) ?? node
    const clause = node.getChild('MatchingModifierClause')
    const [matching, include] = clause?.getChildren('GroupingLabels') ?? []
    const has = (name: string) => (clause?.getChild(name) ?? null) !== null
    return {
      kind: 'binary',
      op: this.#text(op).toLowerCase(),
      left: this.expr(left),
      right: this.expr(right, moved),
      bool: node.getChild('BoolModifier') !== null,
      matching: has('On') ? 'on' : has('Ignoring') ? 'ignoring' : 'all',
      matchingLabels: this.#labels(matching),
      group: has('GroupLeft') ? 'left' : has('GroupRight') ? 'right' : 'none',
      include: this.#labels(include),
    }
  }

  #labels(node: SyntaxNode | null | undefined): string[] {
    return children(node ?? null).map(each => unquoted(this.#text(each)))
  }

  #text(node: { from: number; to: number }): string {
    const { from, to } = writtenSpan(this.#neutral, node)
    return this.#written.slice(from, to)
  }

  #hasVariable(node: SyntaxNode): boolean {
    return this.#neutral.standIns.some(stand => stand.standsFrom < node.to && stand.standsTo > node.from)
  }

  #isVariable(node: SyntaxNode): boolean {
    return this.#neutral.standIns.some(stand => stand.standsFrom === node.from && stand.standsTo === node.to)
  }

  #sameVariable(name: SyntaxNode, value: SyntaxNode): boolean {
    return this.#neutral.standIns.some(stand => stand.standsFrom <= name.from && stand.standsTo >= value.to)
  }
}

function children(node: SyntaxNode | null): SyntaxNode[] {
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
  ...{ a: '\u0007', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' },
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

const unitSeconds: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800, y: 31_536_000 }

/** A number, or a duration in seconds: Prometheus 3 accepts both. */
function numberOf(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1
  const digits = text.replace(/^[-+]/, '').replaceAll('_', '').toLowerCase()
  if (digits === 'inf' || digits === 'nan') return digits === 'inf' ? sign * Number.POSITIVE_INFINITY : Number.NaN
  const parts = [...digits.matchAll(/(\d+)(ms|[smhdwy])/g)]
  if (parts.length === 0) return sign * Number(digits)
  return sign * parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (unitSeconds[unit] ?? 0), 0)
}
