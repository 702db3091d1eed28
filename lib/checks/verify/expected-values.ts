import type { Dimension } from './dimensions.ts'
import { boundsOverTime, type ClusterState, type Filters, type KnownStates } from './pass-criteria.ts'
import { type Contribution, contributions, isCallMeasure, isMeasured } from './quantities.ts'
import type { Truth } from './query-expectations.ts'
import { type Bounds, sumOfBounds, type UsageWindow } from './usage-bounds.ts'

/** What a query shows, of which objects, and when. */
interface Asked {
  truth: Truth
  filters: Filters
  window: UsageWindow
}

type Sums = ReadonlyMap<string, Bounds>

/**
 * The values that a query must show, by the values of its dimensions in the order of `truth.by` (`truthKey`), with the bounds that
 * pass-criteria.ts defines. A ratio is that of the sums, and is missing where its denominator is. Undefined where the states do not tell.
 */
export function expectedValues(
  truth: Truth,
  states: KnownStates,
  filters: Filters,
  window: UsageWindow,
): Sums | undefined {
  const sums = sumsOverTime({ truth, filters, window }, states)
  if (truth.over === undefined || sums === undefined) return sums
  const over = sumsOverTime({ truth: { ...truth, of: truth.over }, filters, window }, states)
  if (over === undefined) return undefined
  const ratios = new Map<string, Bounds>()
  for (const [key, { least, most, mayBeAbsent = false }] of sums) {
    const divisor = over.get(key)
    if (divisor === undefined || divisor.most === 0) continue
    ratios.set(key, {
      least: least / divisor.most,
      most: divisor.least === 0 ? Number.POSITIVE_INFINITY : most / divisor.least,
      mayBeAbsent: mayBeAbsent || divisor.mayBeAbsent === true,
    })
  }
  return ratios
}

/** The key of a value: the values of its dimensions. */
export function truthKey(values: readonly string[]): string {
  return values.join('\u0000')
}

/** Results that many panels share; each takes a pass over all pods. */
interface Memory {
  contributions: Map<string, readonly Contribution[] | undefined>
  sums: Map<string, Sums>
  /** The keys of places, by the dimensions in them. */
  keys: Map<string, Map<Contribution['at'], string>>
}

const memories = new WeakMap<ClusterState | KnownStates, Memory>()

/** The sums over all known states (steps 2 and 3), or those of now where only that is known. */
function sumsOverTime(asked: Asked, states: KnownStates): Sums | undefined {
  const { truth, window } = asked
  const { now, earlier, lookback } = states
  const read = (state: ClusterState) => contributions(truth, state, window)
  const sumsOf = (state: ClusterState) => sumsBy(asked, state, () => read(state))
  const current = sumsOf(now)
  const others = [...earlier, ...(lookback === undefined ? [] : [lookback])]
  if (current === undefined || others.length === 0 || isCallMeasure(truth.of)) return current
  const readings = [current, ...earlier.flatMap(state => sumsOf(state) ?? [])]
  const unions = sumsBy(asked, states, () => unionOf([now, ...others].map(read))) ?? []
  const boundsOf = (key: string, union: Bounds) =>
    boundsOverTime(
      readings.map(sums => sums.get(key) ?? ABSENT),
      union,
    )
  return new Map([...unions].map(([key, union]) => [key, boundsOf(key, union)]))
}

/** The sums of what `read` gives, remembered for the states that it reads. */
function sumsBy(
  { truth, filters, window }: Asked,
  states: ClusterState | KnownStates,
  read: () => readonly Contribution[] | undefined,
): Sums | undefined {
  const memory = memories.get(states) ?? { contributions: new Map(), sums: new Map(), keys: new Map() }
  memories.set(states, memory)
  const when = isMeasured(truth.of) ? [window.untilMs, window.lengthMs, window.lateMs] : []
  const what = [truth.of, truth.withSystem, truth.by.includes('condition'), ...when].join(' ')
  const by = truth.by.join()
  const [where, except] = [Object.entries(truth.where ?? {}), Object.entries(truth.except ?? {})]
  const restricted = [...filters].map(([dimension, { text }]) => `${dimension}=${text}`)
  const key = [what, by, where.join(' '), except.join(' '), ...restricted].join('\u0000')
  const known = memory.sums.get(key)
  if (known !== undefined) return known
  if (!memory.contributions.has(what)) memory.contributions.set(what, read())
  const all = memory.contributions.get(what)
  if (all === undefined) return undefined
  const isWanted = ({ at }: Contribution) => {
    const has = ([dimension, value]: [string, string]) => at[dimension as Dimension] === value
    return where.every(has) && !except.some(has)
  }
  const keys = memory.keys.get(by) ?? new Map<Contribution['at'], string>()
  memory.keys.set(by, keys)
  const sums = sumBy(truth.by, where.length + except.length === 0 ? all : all.filter(isWanted), { filters, keys })
  memory.sums.set(key, sums)
  return sums
}

/** The union of several states: each object once, with the larger of its amounts. Contributions at the same place are one object. */
function unionOf(states: readonly (readonly Contribution[] | undefined)[]): Contribution[] {
  const union = new Map<string, Contribution>()
  for (const state of states) {
    const objects = new Map<string, Contribution>()
    for (const { at, amount } of state ?? []) {
      const key = truthKey(Object.values(at))
      const same = objects.get(key)
      objects.set(key, { at, amount: same === undefined ? amount : sumOfBounds([same.amount, amount]) })
    }
    for (const [key, object] of objects) {
      const known = union.get(key)
      if (known === undefined || known.amount.most < object.amount.most) union.set(key, object)
    }
  }
  return [...union.values()]
}

const ABSENT: Bounds = { least: 0, most: 0, mayBeAbsent: true }

function sumBy(
  by: readonly Dimension[],
  all: readonly Contribution[],
  { filters, keys }: { filters: Filters; keys: Map<Contribution['at'], string> },
): Map<string, Bounds> {
  const sums = new Map<string, Bounds>()
  const tests = [...filters]
  for (const { at, amount } of all) {
    // A filter applies only to contributions that have its dimension: a node is in no namespace.
    const isIn = tests.every(([dimension, { allows }]) => {
      const value = at[dimension]
      return value === undefined || allows(value)
    })
    if (!isIn) continue
    const key = keys.get(at) ?? truthKey(by.map(dimension => at[dimension] ?? ''))
    keys.set(at, key)
    const sum = sums.get(key)
    if (sum === undefined) sums.set(key, { ...amount })
    else {
      sum.least += amount.least
      sum.most += amount.most
      if (amount.mayBeAbsent !== true) delete sum.mayBeAbsent
    }
  }
  return sums
}
