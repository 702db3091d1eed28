import type { Panel, Target } from '../../grafana/dashboard-model.ts'
import { unitOfTarget } from '../../grafana/target-unit.ts'
import { COMPARISONS, type Expr, walk } from '../../promql/promql-ast.ts'
import { patternError } from '../../promql/promql-regex.ts'
import { type Fault, fault } from './finding.ts'
import type { LabMetrics } from './lab-metrics.ts'
import { describeQuantity, type Quantity, quantityOf } from './measured-quantity.ts'

/**
 * The quantities of Grafana's units that a lab's metrics can have
 * (packages/grafana-data/src/valueFormats/categories.ts).
 */
const grafanaUnits: Readonly<Record<string, Partial<Quantity>>> = {
  ...same(['bytes', 'decbytes'], { bytes: 1 }),
  ...same(['bits', 'decbits'], { bytes: 1, scale: 8 }),
  ...same(['Bps', 'binBps'], { bytes: 1, seconds: -1 }),
  ...same(['bps', 'binbps'], { bytes: 1, seconds: -1, scale: 8 }),
  ...same(['s', 'dtdurations', 'dthms', 'clocks'], { seconds: 1 }),
  ...same(['ms', 'dtdurationms'], { seconds: 1, scale: 1000 }),
  ...same(['µs'], { seconds: 1, scale: 1e6 }),
  ...same(['ns'], { seconds: 1, scale: 1e9 }),
  percentunit: { plain: 'ratio' },
  percent: { plain: 'ratio', scale: 100 },
  ...same(['reqps', 'ops', 'rps', 'wps', 'iops', 'eps', 'mps', 'cps', 'pps', 'recps', 'rowsps', 'hertz'], {
    seconds: -1,
  }),
}

/** Units without a quantity, which fit counts and cores. */
const plainUnits = ['short', 'none', 'locale', 'sishort', 'string']

/** The preferred unit of a quantity. */
function right({ bytes, seconds, scale, plain }: Quantity): string {
  if (bytes === 1) return seconds === -1 ? (scale === 8 ? 'bps' : 'Bps') : scale === 8 ? 'bits' : 'bytes'
  if (seconds === 1) return scale === 1000 ? 'ms' : 's'
  if (seconds === -1) return 'ops, reqps or pps'
  return plain === 'ratio' ? (scale === 100 ? 'percent' : 'percentunit') : 'short'
}

/** Faults of the unit of a target: none is set, it does not fit the query, or its pattern takes too long. */
export function unitFaults(panel: Panel, target: Target, expr: Expr | undefined, { known }: LabMetrics): Fault[] {
  const late = patternError(() => unitOfTarget(panel, target))
  if (late !== undefined) return [fault('pattern', late.message)]
  const unit = unitOfTarget(panel, target)
  if (unit === '') return [fault('unit', 'no unit is set; a plain count is "short"')]
  const quantity = expr && quantityOf(expr, name => known(name)?.quantity)
  if (quantity === undefined || fits(unit, quantity)) return []
  const message = `the query gives ${describeQuantity(quantity)} and the unit is "${unit}"; use "${right(quantity)}"`
  return [fault('unit', `${message}${hint(unit, quantity)}`)]
}

/** Usage can be several times a request or a limit; a ratio of more is a percentage. */
const MOST_RATIO = 10
/** Fewer bytes are a percentage. */
const LEAST_BYTES = 100

/** Comparisons of quantities with a number, or with another quantity, that have another unit. */
export function thresholdFaults(expr: Expr, { known }: LabMetrics): Fault[] {
  return [...walk(expr)].flatMap(({ expr: each }) => {
    if (each.kind !== 'binary' || !COMPARISONS.includes(each.op)) return []
    const [left, right] = [each.left, each.right].map(side => quantityOf(side, name => known(name)?.quantity))
    const threshold = numberOf(each.right) ?? numberOf(each.left)
    const quantity = numberOf(each.right) === undefined ? right : left
    if (threshold !== undefined) return quantity === undefined ? [] : thresholdFault(quantity, threshold)
    if (left === undefined || right === undefined || !isMeasured(left) || !isMeasured(right)) return []
    if (left.bytes === right.bytes && left.seconds === right.seconds) return []
    const message = `the alert compares ${describeQuantity(left)} with ${describeQuantity(right)}`
    return [fault('unit', message)]
  })
}

function thresholdFault(quantity: Quantity, threshold: number): Fault[] {
  const { bytes, seconds, plain, scale } = quantity
  const isRatio = !isMeasured(quantity) && plain === 'ratio' && scale === 1
  const isBytes = bytes === 1 && seconds === 0 && scale === 1
  if (!(isRatio && threshold > MOST_RATIO) && !(isBytes && threshold > 1 && threshold <= LEAST_BYTES)) return []
  const next = isRatio
    ? `compare with ${threshold / 100}, or multiply the query by 100`
    : 'compare with a number of bytes, or divide by the total'
  return [fault('unit', `the alert compares ${describeQuantity(quantity)} with ${threshold}; ${next}`)]
}

/** The number that an expression without metrics gives: `14.4 * 0.01`. */
function numberOf(expr: Expr): number | undefined {
  if (expr.kind === 'number') return expr.value
  if (expr.kind === 'unary') return expr.op === '-' ? negative(numberOf(expr.expr)) : numberOf(expr.expr)
  if (expr.kind !== 'binary') return undefined
  const [left, right] = [numberOf(expr.left), numberOf(expr.right)]
  if (left === undefined || right === undefined) return undefined
  return { '*': left * right, '/': left / right, '+': left + right, '-': left - right }[expr.op]
}

function negative(value: number | undefined): number | undefined {
  return value === undefined ? undefined : -value
}

function isMeasured({ bytes, seconds }: Quantity): boolean {
  return bytes !== 0 || seconds !== 0
}

/** What the value of an alert is written with in its templates, by what it is for. */
const valueFormats: readonly { pattern: RegExp; shown: string; right: Partial<Quantity> }[] = [
  { pattern: /\$value\s*\|\s*humanizePercentage/, shown: 'humanizePercentage', right: { plain: 'ratio' } },
  { pattern: /\$value\s*\|\s*humanizeDuration/, shown: 'humanizeDuration', right: { seconds: 1 } },
  { pattern: /\$value(?:(?!humanizePercentage)[^}])*\}\}\s?%/, shown: '%', right: { plain: 'ratio', scale: 100 } },
]

/** Templates that write the value of an alert with another unit: a ratio with `%`, bytes with `humanizeDuration`. */
export function valueFormatFaults(
  expr: Expr,
  texts: readonly (readonly [string, string])[],
  { known }: LabMetrics,
): Fault[] {
  const quantity = quantityOf(expr, name => known(name)?.quantity)
  // A plain count may be anything: the catalog knows units by the names of metrics.
  if (quantity === undefined || (!isMeasured(quantity) && quantity.plain !== 'ratio')) return []
  return texts.flatMap(([name, text]) =>
    valueFormats.flatMap(({ pattern, shown, right: { bytes = 0, seconds = 0, scale = 1 } }) => {
      const isRight = quantity.bytes === bytes && quantity.seconds === seconds && quantity.scale === scale
      if (isRight || !pattern.test(text)) return []
      const wanted = describeQuantity({ bytes, seconds, scale, plain: 'ratio' })
      const message = `${name}: "${shown}" is for ${wanted}, and the query gives ${describeQuantity(quantity)}`
      return [fault('unit', message)]
    }),
  )
}

function fits(unit: string, quantity: Quantity): boolean {
  const { bytes, seconds, plain, scale } = quantity
  // A number can be the whole of a ratio: bytes by so many bytes.
  if (grafanaUnits[unit]?.plain === 'ratio' && plain !== 'ratio' && scale !== 1) return true
  // Grafana has units only for these quantities.
  const simple = (bytes === 0 && Math.abs(seconds) <= 1) || (bytes === 1 && (seconds === 0 || seconds === -1))
  const shown = grafanaUnits[unit]
  if (!simple || (shown === undefined && !plainUnits.includes(unit))) return true
  const measured = bytes !== 0 || seconds !== 0
  if (shown === undefined) return (!measured || seconds === -1) && bytes === 0 && plain !== 'ratio'
  const full = { bytes: 0, seconds: 0, scale: 1, plain: 'count', ...shown }
  if (full.bytes !== bytes || full.seconds !== seconds || Math.abs(full.scale - scale) > 1e-9 * scale) return false
  // A mean of states (0 or 1) is a ratio too, and so are cores divided by one core.
  return measured || full.plain === plain || full.plain === 'ratio'
}

function hint(unit: string, { bytes, seconds, scale }: Quantity): string {
  if (bytes === 1 && scale === 1 && ['bps', 'binbps', 'bits', 'decbits'].includes(unit))
    return ', or multiply the query by 8'
  if (bytes === 0 && seconds === 0 && scale === 1 && unit === 'percent') return ', or multiply the query by 100'
  return ''
}

function same(units: readonly string[], what: Partial<Quantity>): Record<string, Partial<Quantity>> {
  return Object.fromEntries(units.map(unit => [unit, what]))
}
