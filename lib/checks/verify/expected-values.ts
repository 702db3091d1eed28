import type { TracedCalls } from './call-truth.ts'
import type { ClusterSnapshot } from './cluster-snapshot.ts'
import { type Contribution, contributions, isCallMeasure, isMeasured } from './contributions.ts'
import type { Dimension, Truth } from './query-expectations.ts'
import { type Bounds, sumOfBounds, type UsageSource, type UsageWindow } from './usage-bounds.ts'

/** Which values of a dimension may occur; the same text means the same values. */
export interface Filter {
  text: string
  allows: (value: string) => boolean
}

/** What a query is restricted to. */
export type Filters = ReadonlyMap<Dimension, Filter>

/** What truth is computed from. */
export interface TruthSources {
  snapshot: ClusterSnapshot
  usage: UsageSource
  /** The time at which usage is known (epoch), where that isn't now. */
  untilMs?: number
  /** Asks for the spans of the last minute and a half until a time; undefined where nobody can be asked, or there are too many. */
  readCalls?: (untilMs: number) => Promise<TracedCalls | undefined>
  /** They, once they were asked for. */
  calls?: TracedCalls | undefined
  /** As it was at looks just before: Prometheus may have it as it was then, and not yet as it is. */
  earlier?: readonly TruthSources[]
  /** As it was a look-back ago: what is gone since then Prometheus may still have, and what has come it has. */
  before?: readonly TruthSources[]
}

/**
 * What a query must give, by its dimensions' values in the order of `truth.by` (`truthKey`). A ratio is that of the sums,
 * and isn't there where nothing is in its denominator. What was there before may count too, and since an earlier look the sum may be
 * as it was, as it is, or between.
 * Undefined where nobody can tell.
 */
export function expectedValues(
  truth: Truth,
  sources: TruthSources,
  filters: Filters,
  window: UsageWindow,
): ReadonlyMap<string, Bounds> | undefined {
  const sums = sumOf(truth, sources, filters, window)
  if (truth.over === undefined || sums === undefined) return sums
  const over = sumOf({ ...truth, of: truth.over }, sources, filters, window)
  if (over === undefined) return undefined
  const ratios = new Map<string, Bounds>()
  for (const [key, { least, most, mayLack = false }] of sums) {
    const divisor = over.get(key)
    if (divisor === undefined || divisor.most === 0) continue
    ratios.set(key, {
      least: least / divisor.most,
      most: divisor.least === 0 ? Number.POSITIVE_INFINITY : most / divisor.least,
      mayLack: mayLack || divisor.mayLack === true,
    })
  }
  return ratios
}

/** One key for the values of some dimensions. */
export function truthKey(values: readonly string[]): string {
  return values.join('\u0000')
}

/** What was computed from some sources: many panels ask for the same, and each answer takes all pods. */
interface Memory {
  contributions: Map<string, readonly Contribution[] | undefined>
  sums: Map<string, ReadonlyMap<string, Bounds>>
  /** The keys of places, by the dimensions that are in them. */
  keys: Map<string, Map<Contribution['at'], string>>
}

const memories = new WeakMap<TruthSources, Memory>()

function sumOf(
  truth: Truth,
  sources: TruthSources,
  filters: Filters,
  window: UsageWindow,
): ReadonlyMap<string, Bounds> | undefined {
  const now = sumOfLook(truth, sources, filters, window)
  const { earlier = [], before = [] } = sources
  // Spans are asked for anew each time, and what they say of a time is the same.
  if (now === undefined || isCallMeasure(truth.of) || earlier.length + before.length === 0) return now
  const looks = [now, ...earlier.flatMap(each => sumOfLook(truth, each, filters, window) ?? [])]
  const sums = new Map<string, Bounds>()
  for (const [key, { most }] of sumOfLook(truth, sources, filters, window, [...earlier, ...before]) ?? []) {
    const each = looks.map(look => look.get(key) ?? GONE)
    const least = Math.min(...each.map(bounds => bounds.least))
    sums.set(key, { least, most, ...(each.some(({ mayLack }) => mayLack === true) ? { mayLack: true } : {}) })
  }
  return sums
}

/** Of one look; or, for the most there can be, of it and others together. */
function sumOfLook(
  truth: Truth,
  sources: TruthSources,
  filters: Filters,
  window: UsageWindow,
  others: readonly TruthSources[] = [],
): ReadonlyMap<string, Bounds> | undefined {
  const memory = memories.get(sources) ?? { contributions: new Map(), sums: new Map(), keys: new Map() }
  memories.set(sources, memory)
  const when = isMeasured(truth.of) ? [window.untilMs, window.lengthMs, window.lateMs] : []
  const what = [others.length, truth.of, truth.withSystem, truth.by.includes('condition'), ...when].join(' ')
  const [where, except] = [Object.entries(truth.where ?? {}), Object.entries(truth.except ?? {})]
  const restricted = [...filters].map(([dimension, { text }]) => `${dimension}=${text}`).join('\u0000')
  const key = [what, truth.by.join(), where.join(' '), except.join(' '), restricted].join('\u0000')
  const known = memory.sums.get(key)
  if (known !== undefined) return known
  if (!memory.contributions.has(what)) {
    const each = [sources, ...others].map(look => contributions(truth, look, window))
    memory.contributions.set(what, others.length === 0 ? each[0] : together(each))
  }
  const all = memory.contributions.get(what)
  if (all === undefined) return undefined
  const isWanted = ({ at }: Contribution) => {
    const has = ([dimension, value]: [string, string]) => at[dimension as Dimension] === value
    return where.every(has) && !except.some(has)
  }
  const keys = memory.keys.get(truth.by.join()) ?? new Map<Contribution['at'], string>()
  memory.keys.set(truth.by.join(), keys)
  const sums = sumBy(truth.by, where.length + except.length === 0 ? all : all.filter(isWanted), { filters, keys })
  memory.sums.set(key, sums)
  return sums
}

/** What there was at some look or other, each thing with the most that it was. What is at one place is one thing. */
function together(looks: readonly (readonly Contribution[] | undefined)[]): Contribution[] {
  const all = new Map<string, Contribution>()
  for (const look of looks) {
    const things = new Map<string, Contribution>()
    for (const { at, amount } of look ?? []) {
      const key = truthKey(Object.values(at))
      const same = things.get(key)
      things.set(key, { at, amount: same === undefined ? amount : sumOfBounds([same.amount, amount]) })
    }
    for (const [key, thing] of things) {
      const known = all.get(key)
      if (known === undefined || known.amount.most < thing.amount.most) all.set(key, thing)
    }
  }
  return [...all.values()]
}

const GONE: Bounds = { least: 0, most: 0, mayLack: true }

function sumBy(
  by: readonly Dimension[],
  all: readonly Contribution[],
  { filters, keys }: { filters: Filters; keys: Map<Contribution['at'], string> },
): Map<string, Bounds> {
  const sums = new Map<string, Bounds>()
  const tests = [...filters]
  for (const { at, amount } of all) {
    // What has no value of a dimension isn't restricted by it: a node is in no namespace.
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
      if (amount.mayLack !== true) delete sum.mayLack
    }
  }
  return sums
}
