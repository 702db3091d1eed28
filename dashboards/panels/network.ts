import type { Granularity } from '../granularity.ts'
import { barGauge, gauge, table, timeseries } from '../panel-builders.ts'
import { averageBandwidth, bandwidth, droppedPackets, packets } from '../queries/network.ts'
import { CADVISOR } from './sources.ts'

/** The directions of traffic. All panels but the table are pairs, one for each direction. */
const DIRECTIONS = [
  { direction: 'receive', noun: 'Receive', past: 'Received', verb: 'received' },
  { direction: 'transmit', noun: 'Transmit', past: 'Transmitted', verb: 'transmitted' },
] as const

/** Bandwidth, packets and drops of each row in both directions. */
export const usageTable = (
  group: Granularity,
  { title = 'Current Network Usage', averages = false }: { title?: string; averages?: boolean } = {},
) =>
  table({
    title,
    description: `What the pods of each ${group.each} receive and send now. Packets: ${CADVISOR}`,
    unit: 'pps',
    keys: group.keys,
    columns: [
      { name: 'Receive Bandwidth', query: bandwidth('receive', group), unit: 'bps' },
      { name: 'Transmit Bandwidth', query: bandwidth('transmit', group), unit: 'bps' },
      ...(averages
        ? [
            { name: 'Average Bits Received', query: averageBandwidth('receive', group), unit: 'bps' },
            { name: 'Average Bits Transmitted', query: averageBandwidth('transmit', group), unit: 'bps' },
          ]
        : []),
      { name: 'Received Packets', query: packets('receive', group) },
      { name: 'Transmitted Packets', query: packets('transmit', group) },
      { name: 'Received Packets Dropped', query: droppedPackets('receive', group) },
      { name: 'Transmitted Packets Dropped', query: droppedPackets('transmit', group) },
    ],
  })

export const bandwidthTimeseries = (group: Granularity) =>
  DIRECTIONS.map(({ direction, noun, verb }) =>
    timeseries({
      title: `${noun} Bandwidth`,
      description: `Bits per second ${verb} by the pods of each ${group.each}.`,
      unit: 'bps',
      stacked: true,
      queries: [bandwidth(direction, group)],
    }),
  )

/** The title of a panel is `title` with the direction. */
export const averageBandwidthTimeseries = (group: Granularity, title: string) =>
  DIRECTIONS.map(({ direction, past, verb }) =>
    timeseries({
      title: `${title}${past}`,
      description: `Bits per second ${verb} by the average pod of each ${group.each}. A pod's containers share one network.`,
      unit: 'bps',
      queries: [averageBandwidth(direction, group)],
    }),
  )

/** The bandwidth of each row as unstacked lines. */
export const currentBitsTimeseries = (group: Granularity) =>
  DIRECTIONS.map(({ direction, past, verb }) =>
    timeseries({
      title: `Current Rate of Bits ${past}`,
      description: `Bits per second ${verb} by the pods of each ${group.each}, to compare them.`,
      unit: 'bps',
      queries: [bandwidth(direction, group)],
    }),
  )

export const currentBitsGauge = (group: Granularity) => currentBits(group, gauge)
export const currentBitsBarGauge = (group: Granularity) => currentBits(group, barGauge)

export const averageBitsBarGauge = (group: Granularity) =>
  DIRECTIONS.map(({ direction, past, verb }) =>
    barGauge({
      title: `Average Rate of Bits ${past}`,
      description: `Bits per second ${verb} by the average pod of each ${group.each}.`,
      unit: 'bps',
      query: averageBandwidth(direction, group),
    }),
  )

export const packetsTimeseries = (group: Granularity) =>
  DIRECTIONS.map(({ direction, past, verb }) =>
    timeseries({
      title: `Rate of ${past} Packets`,
      description: `Packets per second ${verb} by the pods of each ${group.each}. ${CADVISOR}`,
      unit: 'pps',
      stacked: true,
      queries: [packets(direction, group)],
    }),
  )

export const droppedPacketsTimeseries = (group: Granularity) =>
  DIRECTIONS.map(({ direction, past }) =>
    timeseries({
      title: `Rate of ${past} Packets Dropped`,
      description: `${past} packets per second that were dropped, by the pods of each ${group.each}. ${CADVISOR}`,
      unit: 'pps',
      stacked: true,
      queries: [droppedPackets(direction, group)],
    }),
  )

const currentBits = (group: Granularity, panel: typeof gauge) =>
  DIRECTIONS.map(({ direction, past, verb }) =>
    panel({
      title: `Current Rate of Bits ${past}`,
      description: `Bits per second ${verb} by each ${group.each} now.`,
      unit: 'bps',
      query: bandwidth(direction, group),
    }),
  )
