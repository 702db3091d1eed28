import { Environment } from '@marcbachmann/cel-js'
import { messageOf } from '../../cli/errors.ts'
import { fields, items, text } from '../../kube/json.ts'
import { parseQuantity } from '../../kube/quantity.ts'
import { pseudoRandom } from './pseudo-random.ts'

/** The variables and context of an expression. */
export interface ExpressionInput {
  pod: unknown
  node: unknown
  container: unknown
  /** The time of the evaluation (epoch). */
  timeMs: number
  /** `Rand()` depends on this and on the time. */
  seed: number
}

/** A CEL expression of a usage object. */
export interface Expression {
  /** Its value changes over time: it calls `Now`, `Rand` or `SinceSecond`. */
  isDynamic: boolean
  usesNode: boolean
  /** Its value in cores or bytes. Throws an Error with a one-line message when the evaluation fails or gives another type. */
  evaluate: (input: ExpressionInput) => number
}

/** A quantity in an expression, from `Quantity("1Mi")` or arithmetic. */
class Quantity {
  readonly value: number
  constructor(value: number) {
    this.value = value
  }
}

/** The input of the evaluation in progress. Evaluations are synchronous. */
let current: ExpressionInput = { pod: {}, node: {}, container: {}, timeMs: 0, seed: 0 }
let randomCalls = 0
let environment: Environment | undefined

/**
 * Compiles a CEL expression with KWOK's functions for usage (`Quantity`, `Now`, `Rand`, `SinceSecond`, `UnixSecond`) over
 * `pod`, `node` and `container`. `Rand()` returns the same number for the same container and second, so that two readers
 * see the same usage.
 *
 * Throws an Error with a one-line message when the text is not a valid expression.
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
  const environment = new Environment({ limits: { maxAstNodes: 10_000, maxDepth: 100 } })
  environment.registerType('Quantity', { ctor: Quantity, fields: { value: 'double' } })
  for (const name of ['pod', 'node', 'container']) environment.registerVariable(name, 'dyn')
  environment.registerFunction('Quantity(string): Quantity', (source: string) => {
    const value = parseQuantity(source)
    if (value === undefined) throw new Error(`${JSON.stringify(source)} is not a quantity`)
    return new Quantity(value)
  })
  environment.registerFunction('Now(): google.protobuf.Timestamp', () => new Date(current.timeMs))
  environment.registerFunction('Rand(): double', () =>
    pseudoRandom(current.seed ^ Math.floor(current.timeMs / 1_000), randomCalls++),
  )
  for (const form of ['SinceSecond(dyn)', 'dyn.SinceSecond()'])
    environment.registerFunction(`${form}: double`, ageSeconds)
  const time = 'google.protobuf.Timestamp'
  for (const form of [`UnixSecond(${time})`, 'UnixSecond(string)', `${time}.UnixSecond()`]) {
    environment.registerFunction(`${form}: double`, unixSeconds)
  }
  registerArithmetic(environment)
  return environment
}

/** Arithmetic and comparison of quantities with quantities and numbers. */
function registerArithmetic(environment: Environment): void {
  const numberOf = (operand: unknown) => (operand instanceof Quantity ? operand.value : Number(operand))
  const operators: Record<string, (a: number, b: number) => number | boolean> = {
    '+': (a, b) => a + b,
    '-': (a, b) => a - b,
    '*': (a, b) => a * b,
    '/': (a, b) => a / b,
    '<': (a, b) => a < b,
    '<=': (a, b) => a <= b,
    '>': (a, b) => a > b,
    '>=': (a, b) => a >= b,
    '==': (a, b) => a === b,
  }
  const pairs = ['Quantity Quantity', 'Quantity double', 'Quantity int', 'double Quantity', 'int Quantity']
  for (const pair of pairs) {
    const [left, right] = pair.split(' ')
    for (const [operator, apply] of Object.entries(operators)) {
      if (operator === '==' && left !== right) continue
      const result = /[<>=]/.test(operator) ? 'bool' : 'Quantity'
      environment.registerOperator(`${left} ${operator} ${right}: ${result}`, (a: unknown, b: unknown) => {
        const value = apply(numberOf(a), numberOf(b))
        return typeof value === 'number' ? new Quantity(value) : value
      })
    }
  }
}

/** KWOK's `SinceSecond`: seconds since a pod started or a node was created; 0 for a time in the future. */
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

/** All functions and variables in a syntax tree. */
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

/** The library marks the position of an error on further lines. */
function firstLine(error: unknown): string {
  return messageOf(error).split('\n')[0] ?? ''
}
