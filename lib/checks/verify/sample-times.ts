import { type ContainerMeter, countersAt } from '../../kubelet/counters/pod-counters.ts'
import { sampleContainer, type Traffic } from '../../kubelet/counters/usage-samples.ts'
import { PERIOD_MS } from '../../kubelet/endpoints/cadvisor-metrics.ts'
import { reads, rxDropped, rxPackets, txDropped, txPackets, writes } from '../../kubelet/endpoints/devices.ts'
import {
  type Bounds,
  boundsOf,
  type ContainerMeasure,
  exact,
  type NetworkMeasure,
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

/** Counters of a container at a time. */
const COUNTERS: Readonly<Partial<Record<ContainerMeasure, (meter: ContainerMeter, timeMs: number) => number>>> = {
  'cpu-usage': (meter, timeMs) => countersAt(meter, timeMs).coreNanoSeconds / 1e9,
  'cpu-periods': (meter, timeMs) => Math.floor(countersAt(meter, timeMs).limitedMs / PERIOD_MS),
  'cpu-throttled-periods': (meter, timeMs) => Math.floor(countersAt(meter, timeMs).overMs / PERIOD_MS),
  'disk-reads': (meter, timeMs) => reads(sampleContainer(meter, timeMs).readBytes),
  'disk-writes': (meter, timeMs) => writes(sampleContainer(meter, timeMs).writtenBytes),
  'disk-read-bytes': (meter, timeMs) => sampleContainer(meter, timeMs).readBytes,
  'disk-written-bytes': (meter, timeMs) => sampleContainer(meter, timeMs).writtenBytes,
  'disk-operations': (meter, timeMs) => {
    const { readBytes, writtenBytes } = sampleContainer(meter, timeMs)
    return reads(readBytes) + writes(writtenBytes)
  },
  'disk-bytes': (meter, timeMs) => {
    const { readBytes, writtenBytes } = sampleContainer(meter, timeMs)
    return readBytes + writtenBytes
  },
}

/** Levels of a container at a time. */
const LEVELS: Readonly<Partial<Record<ContainerMeasure, (meter: ContainerMeter, timeMs: number) => number>>> = {
  'cpu-usage': (meter, timeMs) => sampleContainer(meter, timeMs).usageNanoCores / 1e9,
  'memory-working-set': (meter, timeMs) => sampleContainer(meter, timeMs).workingSetBytes,
  'memory-rss': (meter, timeMs) => sampleContainer(meter, timeMs).rssBytes,
  'memory-cache': (meter, timeMs) => {
    const { usageBytes, rssBytes } = sampleContainer(meter, timeMs)
    return Math.max(0, usageBytes - rssBytes)
  },
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
  ...(['packets-receive', 'packets-transmit', 'drops-receive', 'drops-transmit'] as const),
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
