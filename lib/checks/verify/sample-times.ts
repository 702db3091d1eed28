import { type ContainerMeter, countersAt } from '../../kubelet/counters/pod-counters.ts'
import { type Sample, sampleContainer, type Traffic } from '../../kubelet/counters/usage-samples.ts'
import { PERIOD_MS } from '../../kubelet/endpoints/cadvisor-metrics.ts'
import { reads, rxDropped, rxPackets, txDropped, txPackets, writes } from '../../kubelet/endpoints/devices.ts'
import {
  type Bounds,
  boundsOf,
  type ContainerMeasure,
  exact,
  type NetworkMeasure,
  networkMeasures,
  rateBounds,
  type UsageWindow,
} from './usage-bounds.ts'

/** The possible times of the first and the last sample of a window, or of the one sample of a level. */
export interface SampleTimes {
  first: readonly number[]
  last: readonly number[]
}

export function sampleTimes({ untilMs, lengthMs, lateMs }: UsageWindow): SampleTimes {
  const last = [0, 0.5, 1].map(part => untilMs - part * lateMs)
  // The first sample of a rate is inside the window, the last one at its end or before.
  const first = lengthMs === undefined ? [] : [0, 0.5, 1].map(part => untilMs - lengthMs + part * lateMs)
  return { first, last }
}

type AtTime = (meter: ContainerMeter, timeMs: number) => number

const sampled =
  (value: (sample: Sample) => number): AtTime =>
  (meter, timeMs) =>
    value(sampleContainer(meter, timeMs))
const periods =
  (of: 'limitedMs' | 'overMs'): AtTime =>
  (meter, timeMs) =>
    Math.floor(countersAt(meter, timeMs)[of] / PERIOD_MS)

/** Counters of a container. */
const COUNTERS: Readonly<Partial<Record<ContainerMeasure, AtTime>>> = {
  'cpu-usage': (meter, timeMs) => countersAt(meter, timeMs).coreNanoSeconds / 1e9,
  'cpu-periods': periods('limitedMs'),
  'cpu-throttled-periods': periods('overMs'),
  'disk-reads': sampled(({ readBytes }) => reads(readBytes)),
  'disk-writes': sampled(({ writtenBytes }) => writes(writtenBytes)),
  'disk-read-bytes': sampled(({ readBytes }) => readBytes),
  'disk-written-bytes': sampled(({ writtenBytes }) => writtenBytes),
  'disk-operations': sampled(({ readBytes, writtenBytes }) => reads(readBytes) + writes(writtenBytes)),
  'disk-bytes': sampled(({ readBytes, writtenBytes }) => readBytes + writtenBytes),
}

/** Levels of a container. */
const LEVELS: Readonly<Partial<Record<ContainerMeasure, AtTime>>> = {
  'cpu-usage': sampled(({ usageNanoCores }) => usageNanoCores / 1e9),
  'memory-working-set': sampled(({ workingSetBytes }) => workingSetBytes),
  'memory-rss': sampled(({ rssBytes }) => rssBytes),
  'memory-cache': sampled(({ usageBytes, rssBytes }) => Math.max(0, usageBytes - rssBytes)),
  // Simulated nodes have no swap.
  'memory-swap': () => 0,
}

const TRAFFIC: Readonly<Record<NetworkMeasure, (traffic: Traffic) => number>> = {
  'network-receive': ({ rxBytes }) => rxBytes,
  'network-transmit': ({ txBytes }) => txBytes,
  'packets-receive': ({ rxBytes }) => rxPackets(rxBytes),
  'packets-transmit': ({ txBytes }) => txPackets(txBytes),
  'drops-receive': ({ rxBytes }) => rxDropped(rxBytes),
  'drops-transmit': ({ txBytes }) => txDropped(txBytes),
}

/** Whole numbers: how many fall into a window depends on its start by one, for the sum of two counters by two. */
const WHOLE: ReadonlySet<string> = new Set<ContainerMeasure | NetworkMeasure>([
  ...(['cpu-periods', 'cpu-throttled-periods', 'disk-reads', 'disk-writes'] as const),
  ...networkMeasures.filter(name => !name.startsWith('network-')),
])

/** The usage of a container: the rate of a counter where the window has a length, else a level. */
export function containerBounds(meter: ContainerMeter, measured: ContainerMeasure, times: SampleTimes): Bounds {
  const counter = times.first.length === 0 ? undefined : COUNTERS[measured]
  if (counter !== undefined) return rateOf(measured, times, timeMs => counter(meter, timeMs))
  const level = LEVELS[measured]
  return boundsOf(level === undefined ? [] : times.last.map(timeMs => level(meter, timeMs)))
}

/** The network traffic, computed from its total at a time. */
export function trafficBounds(
  measured: NetworkMeasure,
  times: SampleTimes,
  trafficAt: (timeMs: number) => Traffic,
): Bounds {
  return rateOf(measured, times, timeMs => TRAFFIC[measured](trafficAt(timeMs)))
}

function rateOf(
  measured: ContainerMeasure | NetworkMeasure,
  { first, last }: SampleTimes,
  countedAt: (timeMs: number) => number,
): Bounds {
  const more = measured === 'disk-operations' ? 2 : WHOLE.has(measured) ? 1 : 0
  const counted = (times: readonly number[]) => times.map(timeMs => ({ timeMs, value: countedAt(timeMs) }))
  return rateBounds(counted(first), counted(last), more) ?? exact(0)
}
