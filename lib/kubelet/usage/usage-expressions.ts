import { Environment } from '@marcbachmann/cel-js'
import { fields, items, text } from '../../kube/json.ts'
import { parseQuantity } from '../../kube/quantity.ts'
import { share } from './pseudo-random.ts'

/** What an expression can see. */
export interface ExpressionInput {
  pod: unknown
  node: unknown
  container: unknown
  /** The moment it is asked for (epoch). */
  timeMs: number
  /** What `Rand()` depends on, beside the moment. */
  seed: number
}

/** A CEL expression of a usage object. */
export interface Expression {
  /** It gives other values at other times: it has `Now`, `Rand` or `SinceSecond`. */
  isDynamic: boolean
  usesNode: boolean
  /** The number it gives: cores or bytes. Throws an Error with one line when it can't, or gives something else. */
  evaluate: (input: ExpressionInput) => number
}

/** A quantity inside an expression: `Quantity("1Mi")` and what is reckoned with it. */
class Quantity {
  readonly value: number
  constructor(value: number) {
    this.value = value
  }
}

/** An evaluation is synchronous, so the functions can find its input here. */
let current: ExpressionInput = { pod: {}, node: {}, container: {}, timeMs: 0, seed: 0 }
let randomCalls = 0
let environment: Environment | undefined

/**
 * Compiles an expression with the functions that KWOK has for usage: `Quantity`, `Now`, `Rand`, `SinceSecond`, `UnixSecond`,
 * over `pod`, `node` and `container` (facts/kwok.md 4.7). `Rand()` gives the same number to everyone who asks about the same
 * container and moment, so that two readers see one truth.
 *
 * Throws an Error with one line when the text isn't an expression.
 */
export function compileExpression(source: string): Expression {
  environment ??= createEnvironment()
  const run = oneLine(() => environment?.parse(source))
  if (run === undefined) throw new Error('no environment')
  const check = run.check()
  if (!check.valid) throw new Error(firstLine(check.error))
  const names = namesIn(run.ast)
  return {
    isDynamic: ['Now', 'Rand', 'SinceSecond'].some(name => names.has(name)),
    usesNode: names.has('node'),
    evaluate(input) {
      current = input
      randomCalls = 0
      const value: unknown = oneLine(() => run({ pod: input.pod, node: input.node, container: input.container }))
      if (value instanceof Quantity) return value.value
      if (typeof value === 'number' || typeof value === 'bigint') return Number(value)
      throw new Error(
        `gives ${typeof value === 'object' ? 'an object' : `a ${typeof value}`}, not a number or a quantity`,
      )
    },
  }
}

function createEnvironment(): Environment {
  const made = new Environment({ limits: { maxAstNodes: 10_000, maxDepth: 100 } })
  made.registerType('Quantity', { ctor: Quantity, fields: { value: 'double' } })
  for (const name of ['pod', 'node', 'container']) made.registerVariable(name, 'dyn')
  made.registerFunction('Quantity(string): Quantity', (source: string) => {
    const value = parseQuantity(source)
    if (value === undefined) throw new Error(`${JSON.stringify(source)} is not a quantity`)
    return new Quantity(value)
  })
  made.registerFunction('Now(): google.protobuf.Timestamp', () => new Date(current.timeMs))
  made.registerFunction('Rand(): double', () => share(current.seed ^ Math.floor(current.timeMs / 1_000), randomCalls++))
  for (const form of ['SinceSecond(dyn)', 'dyn.SinceSecond()']) made.registerFunction(`${form}: double`, ageSeconds)
  const time = 'google.protobuf.Timestamp'
  for (const form of [`UnixSecond(${time})`, 'UnixSecond(string)', `${time}.UnixSecond()`]) {
    made.registerFunction(`${form}: double`, unixSeconds)
  }
  registerArithmetic(made)
  return made
}

/** Quantities with quantities and numbers, each way that makes sense, and comparison. */
function registerArithmetic(made: Environment): void {
  const numberOf = (operand: unknown) => (operand instanceof Quantity ? operand.value : Number(operand))
  const operations: Record<string, (a: number, b: number) => number> = {
    '+': (a, b) => a + b,
    '-': (a, b) => a - b,
    '*': (a, b) => a * b,
    '/': (a, b) => a / b,
  }
  const comparisons: Record<string, (a: number, b: number) => boolean> = {
    '<': (a, b) => a < b,
    '<=': (a, b) => a <= b,
    '>': (a, b) => a > b,
    '>=': (a, b) => a >= b,
    '==': (a, b) => a === b,
  }
  const pairs = [
    ['Quantity', 'Quantity'],
    ['Quantity', 'double'],
    ['Quantity', 'int'],
    ['double', 'Quantity'],
    ['int', 'Quantity'],
  ] as const
  for (const [left, right] of pairs) {
    for (const [operator, apply] of Object.entries(operations)) {
      made.registerOperator(
        `${left} ${operator} ${right}: Quantity`,
        (a: unknown, b: unknown) => new Quantity(apply(numberOf(a), numberOf(b))),
      )
    }
    for (const [operator, apply] of Object.entries(comparisons)) {
      if (operator === '==' && left !== right) continue
      made.registerOperator(`${left} ${operator} ${right}: bool`, (a: unknown, b: unknown) =>
        apply(numberOf(a), numberOf(b)),
      )
    }
  }
}

/** How long ago a pod started or a node was made, as KWOK has it; 0 for what lies in the future. */
function ageSeconds(object: unknown): number {
  const { metadata, status } = fields(object)
  const start = text(fields(status).startTime) ?? text(fields(metadata).creationTimestamp)
  const startMs = start === undefined ? Number.NaN : Date.parse(start)
  return Number.isNaN(startMs) ? 0 : Math.max(0, current.timeMs - startMs) / 1_000
}

function unixSeconds(time: unknown): number {
  const ms = time instanceof Date ? time.getTime() : Date.parse(String(time))
  if (Number.isNaN(ms)) throw new Error(`${JSON.stringify(time)} is not a time`)
  return ms / 1_000
}

/** Every function and variable that a syntax tree names. */
function namesIn(tree: unknown): Set<string> {
  const names = new Set<string>()
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) {
      for (const each of node) visit(each)
      return
    }
    const { op, args } = fields(node)
    if (op === undefined) return
    const [first] = items(args)
    if ((op === 'call' || op === 'rcall') && typeof first === 'string') names.add(first)
    if (op === 'id' && typeof args === 'string') names.add(args)
    visit(args)
  }
  visit(tree)
  return names
}

function oneLine<T>(action: () => T): T {
  try {
    return action()
  } catch (error) {
    throw new Error(firstLine(error), { cause: error })
  }
}

/** The library draws the place of an error on further lines. */
function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? ''
}
