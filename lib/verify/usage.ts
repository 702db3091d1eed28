import { createPodMeter, gainedAt, type PodMeter } from '../stats/counters.ts'
import { systemMeters } from '../stats/measure.ts'
import { type NodeFacts, nodeFacts, type PodFacts, podFacts } from '../stats/objects.ts'
import type { PresetName } from '../stats/presets.ts'
import { podTraffic, sampleContainer } from '../stats/samples.ts'
import { hash } from '../stats/seed.ts'
import type { UsageSources } from '../stats/usage.ts'
import { createUsageObjects, usageObject } from '../stats/usage-objects.ts'
import type { ClusterSnapshot } from './cluster.ts'

/** A number that is known to lie between two: when exactly a collector looked is not known. */
export interface Bounds {
  least: number
  most: number
}

/** What can be measured of a container or a node. CPU is in cores, network in bytes a second. */
export type Measured = 'cpu-usage' | 'memory-working-set' | 'memory-rss' | 'network-receive' | 'network-transmit'

/** When a number was measured. */
export interface UsageWindow {
  /** The query's time. */
  untilMs: number
  /** The length of the rate's window; undefined for a level at one moment. */
  lengthMs: number | undefined
  /** So much earlier than it could be the newest sample may have been taken: the collection interval and the way here. */
  lateMs: number
}

/** Who knows what pods and nodes use, beside Prometheus. */
export interface UsageSource {
  /** In words: "the usage model". */
  name: string
  /** Containers by UID of their pod and name; of network, which a pod's containers share, one by the empty name. */
  containers(measured: Measured, window: UsageWindow): Map<string, Map<string, Bounds>>
  /** What each node's kubelet and container runtime use, by the node's name. */
  systems(measured: Measured, window: UsageWindow): Map<string, Bounds>
}

/**
 * The usage of simulated pods, by the model that the stats proxy follows: rates are the integral of usage over the window,
 * which starts and ends at samples that are up to `lateMs` older than it. A pod that began within the window counts as
 * something between nothing and its most, since what a rate makes of its first samples depends on when they were taken.
 */
export function modelUsage(snapshot: ClusterSnapshot, preset: PresetName): UsageSource {
  const nodes = new Map<string, NodeFacts>()
  for (const { name, raw } of snapshot.nodes) {
    const facts = nodeFacts(raw)
    if (facts !== undefined) nodes.set(name, facts)
  }
  const objects = createUsageObjects(() => {})
  for (const { kind, raw } of snapshot.usageObjects) {
    const object = usageObject(kind, raw)
    if (object !== undefined) objects.set(object)
  }
  const sources: UsageSources = {
    preset,
    fromObjects: (pod, container, resource) => objects.usageOf(pod, container, resource, nodes.get(pod.nodeName)),
  }
  let pods: { facts: PodFacts; meter: PodMeter }[] | undefined
  const runningPods = () => {
    pods ??= snapshot.pods.flatMap(({ raw }) => {
      const facts = podFacts(raw)
      return facts?.running === true ? [{ facts, meter: createPodMeter(facts, Date.now(), sources) }] : []
    })
    return pods
  }

  // A hundred queries ask for the same: with ten thousand pods each answer takes tenths of a second.
  const known = new Map<string, Map<string, Map<string, Bounds>>>()

  return {
    name: 'the usage model',
    containers(measured, window) {
      const key = [measured, window.untilMs, window.lengthMs, window.lateMs].join(' ')
      const times = sampleTimes(window)
      const found =
        known.get(key) ??
        new Map(runningPods().map(({ facts, meter }) => [facts.uid, podBounds(meter, measured, window, times)]))
      known.set(key, found)
      return found
    },
    systems(measured, window) {
      const times = sampleTimes(window)
      return new Map(
        [...nodes].map(([name, facts]) => {
          const meters = systemMeters(facts, hash(facts.uid))
          const all = [...podBounds({ startMs: facts.startMs, seed: 0, containers: meters }, measured, window, times)]
          return [name, sumOfBounds(all.map(([, bounds]) => bounds))]
        }),
      )
    },
  }
}

/** The sum of numbers that are each known to lie between two. */
export function sumOfBounds(all: Iterable<Bounds>): Bounds {
  const sum = { least: 0, most: 0 }
  for (const { least, most } of all) {
    sum.least += least
    sum.most += most
  }
  return sum
}

/** When the first and the last sample of a window, or the one sample of a level, may have been taken. */
interface SampleTimes {
  first: number[]
  last: number[]
}

function sampleTimes({ untilMs, lengthMs, lateMs }: UsageWindow): SampleTimes {
  const last = [0, 0.5, 1].map(part => untilMs - part * lateMs)
  // Of a rate the first sample lies inside the window, and the last one at its end or before.
  const first = lengthMs === undefined ? [] : [0, 0.5, 1].map(part => untilMs - lengthMs + part * lateMs)
  return { first, last }
}

function podBounds(
  whole: PodMeter,
  measured: Measured,
  { untilMs, lengthMs, lateMs }: UsageWindow,
  { first, last }: SampleTimes,
): Map<string, Bounds> {
  const beginMs = untilMs - (lengthMs ?? 0) - 2 * lateMs
  const isYoung = whole.startMs > beginMs
  // Counted from shortly before the window: usage by chance is sampled, and over days its samples would be few.
  const containers = whole.containers.map(each => ({ ...each, sinceMs: Math.max(each.sinceMs, beginMs) }))
  const meter = { ...whole, containers }
  const young = (bounds: Bounds): Bounds => (isYoung ? { least: 0, most: 2 * bounds.most } : bounds)
  const rate = (counted: (timeMs: number) => number): Bounds => {
    const ends = last.map(timeMs => ({ timeMs, value: counted(timeMs) }))
    const starts = first.map(timeMs => ({ timeMs, value: counted(timeMs) }))
    return boundsOf(
      starts.flatMap(start =>
        ends
          .filter(end => end.timeMs > start.timeMs)
          .map(end => ((end.value - start.value) * 1_000) / (end.timeMs - start.timeMs)),
      ),
    )
  }
  if (measured === 'network-receive' || measured === 'network-transmit') {
    const key = measured === 'network-receive' ? 'rxBytes' : 'txBytes'
    return new Map([['', young(rate(timeMs => podTraffic(meter, timeMs)[key]))]])
  }
  const memory = measured === 'memory-rss' ? 'rssBytes' : 'workingSetBytes'
  return new Map(
    meter.containers.map(container => {
      const level = (of: 'usageNanoCores' | 'rssBytes' | 'workingSetBytes') =>
        boundsOf(last.map(timeMs => sampleContainer(container, timeMs)[of]))
      if (measured !== 'cpu-usage') return [container.name, young(level(memory))]
      const nanoCores =
        lengthMs === undefined ? level('usageNanoCores') : rate(timeMs => gainedAt(container, timeMs).coreNanoSeconds)
      return [container.name, young({ least: nanoCores.least / 1e9, most: nanoCores.most / 1e9 })]
    }),
  )
}

function boundsOf(values: readonly number[]): Bounds {
  return { least: Math.min(...values), most: Math.max(...values) }
}
