import { COMPARISONS, type Expr } from '../../promql/promql-ast.ts'
import { typeOf } from '../../promql/promql-types.ts'

/** What a number measures: powers of bytes and seconds, and a factor. Bits per second are bytes^1 · seconds^-1 · 8. */
export interface Quantity {
  bytes: number
  seconds: number
  scale: number
  /** The kind of a number without bytes and seconds. CPU seconds per second are cores. */
  plain: 'count' | 'cores' | 'ratio'
}

const catalogUnits: Readonly<Record<string, Partial<Quantity>>> = {
  bytes: { bytes: 1 },
  seconds: { seconds: 1 },
  milliseconds: { seconds: 1, scale: 1000 },
  cores: { plain: 'cores' },
  ratio: { plain: 'ratio' },
  '1': {},
}

/** The quantity of a unit of the catalog; undefined for an unknown unit. */
export function quantityOfUnit(unit: string): Quantity | undefined {
  const known = catalogUnits[unit]
  return known && quantity(known)
}

/** A quantity as text. */
export function describeQuantity({ bytes, seconds, scale, plain }: Quantity): string {
  const isBits = bytes === 1 && scale === 8
  const factor = scale === 1 || isBits ? '' : ` × ${scale}`
  if (bytes === 1) return `${isBits ? 'bits' : 'bytes'}${seconds === -1 ? ' per second' : ''}${factor}`
  if (seconds === 1) return `seconds${factor}`
  if (seconds === -1) return `a count per second${factor}`
  return `${{ count: 'a plain count', cores: 'CPU cores', ratio: 'a ratio' }[plain]}${factor}`
}

/** The quantity of an expression, given that of each metric; undefined where unknown. */
export function quantityOf(expr: Expr, of: (metric: string) => Quantity | undefined): Quantity | undefined {
  const inner = (each: Expr) => quantityOf(each, of)
  switch (expr.kind) {
    case 'selector':
      return expr.metric === undefined ? undefined : of(expr.metric)
    case 'range':
    case 'subquery':
    case 'unary':
      return inner(expr.expr)
    case 'aggregate':
      if (['count', 'count_values', 'group'].includes(expr.op)) return quantity({})
      if (['stdvar', 'limit_ratio'].includes(expr.op)) return undefined
      return /^\w+$/.test(expr.op) ? inner(expr.args.at(-1) ?? expr) : undefined
    case 'call':
      return callQuantity(expr.name, expr.args, inner)
    case 'binary':
      return binaryQuantity(expr, inner)
    default:
      return undefined
  }
}

type Inner = (expr: Expr) => Quantity | undefined

function callQuantity(name: string, args: readonly Expr[], inner: Inner): Quantity | undefined {
  const [first, second] = args
  const same =
    /^(?:abs|ceil|floor|round|clamp|clamp_min|clamp_max|sort\w*|label_replace|label_join|scalar|vector|increase|delta|idelta)$/
  if (/^(?:rate|irate|deriv)$/.test(name)) return first && perSecond(inner(first))
  if (name === 'predict_linear' || same.test(name)) return first && inner(first)
  if (name === 'quantile_over_time') return second && inner(second)
  if (/^(?:count|present|absent)_over_time$|^(?:absent|changes|resets)$/.test(name)) return quantity({})
  if (/^(?:avg|min|max|sum|last|first)_over_time$/.test(name)) return first && inner(first)
  // The result has the quantity of `le`, which the buckets divide.
  if (name === 'histogram_quantile' && second) return bucketQuantity(second, inner)
  return name === 'time' ? quantity({ seconds: 1 }) : undefined
}

/** The histogram's own name has the quantity of the buckets. */
function bucketQuantity(expr: Expr, inner: Inner): Quantity | undefined {
  let at: Expr | undefined = expr
  while (at !== undefined && at.kind !== 'selector') {
    if (at.kind === 'aggregate') at = at.args.at(-1)
    else if (at.kind === 'call') at = at.args[0]
    else at = at.kind === 'range' || at.kind === 'subquery' ? at.expr : undefined
  }
  const base = at?.metric?.replace(/_bucket$/, '')
  return at === undefined || base === undefined ? undefined : inner({ ...at, metric: base })
}

function perSecond(of: Quantity | undefined): Quantity | undefined {
  if (of === undefined) return undefined
  const cores = of.seconds === 1 && of.bytes === 0 && of.scale === 1
  return { ...of, seconds: of.seconds - 1, plain: cores ? 'cores' : of.plain }
}

function binaryQuantity(expr: Expr & { kind: 'binary' }, inner: Inner): Quantity | undefined {
  const { op, left, right, bool } = expr
  const [a, b] = [inner(left), inner(right)]
  if (bool) return quantity({})
  if (op === 'or') return a !== undefined && b !== undefined && !alike(a, b) ? undefined : (a ?? b)
  if (['and', 'unless', ...COMPARISONS].includes(op)) return typeOf(left) === 'scalar' ? b : a
  if (op === '+' || op === '-') {
    if (left.kind === 'number') return b
    if (right.kind === 'number') return a
    return a !== undefined && b !== undefined && alike(a, b) ? a : undefined
  }
  const byNumber = right.kind === 'number' ? right.value : undefined
  if (op === '*') {
    if (left.kind === 'number') return b && { ...b, scale: b.scale * left.value }
    if (byNumber !== undefined) return a && { ...a, scale: a.scale * byNumber }
    if (a === undefined || b === undefined) return undefined
    // A count of 1, as group() and states give it, only filters.
    if (isCount(b)) return a
    return isCount(a) ? b : undefined
  }
  if (op !== '/') return undefined
  if (byNumber !== undefined) return a && { ...a, scale: a.scale / byNumber }
  if (a === undefined || b === undefined) return undefined
  const [bytes, seconds, scale] = [a.bytes - b.bytes, a.seconds - b.seconds, a.scale / b.scale]
  if (alike({ ...a, scale: 1 }, { ...b, scale: 1 })) return quantity({ plain: isCount(b) ? 'count' : 'ratio', scale })
  if (bytes === 0 && seconds === 0) return undefined
  return { bytes, seconds, scale, plain: 'count' }
}

function isCount({ bytes, seconds, plain, scale }: Quantity): boolean {
  return bytes === 0 && seconds === 0 && plain === 'count' && scale === 1
}

/** Whether two quantities can be added. */
function alike(a: Quantity, b: Quantity): boolean {
  const plain = a.bytes !== 0 || a.seconds !== 0 || a.plain === b.plain
  return a.bytes === b.bytes && a.seconds === b.seconds && a.scale === b.scale && plain
}

function quantity(some: Partial<Quantity>): Quantity {
  return { bytes: 0, seconds: 0, scale: 1, plain: 'count', ...some }
}
