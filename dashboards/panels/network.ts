import type { Granularity } from '../granularity.ts'
import { barGauge, gauge, type LabPanel, table, timeseries } from '../panel-builders.ts'
import { averageBandwidth, bandwidth, type Direction, droppedPackets, packets } from '../queries/network.ts'
import { CADVISOR } from './sources.ts'

const WORDS = {
  receive: { noun: 'Receive', past: 'Received' },
  transmit: { noun: 'Transmit', past: 'Transmitted' },
} as const satisfies Record<Direction, { noun: string; past: string }>

/** Bandwidth, packets and drops of each row in both directions. */
export function networkUsageTable(
  { each, scope, by, keys }: Granularity,
  { title = 'Current Network Usage', averages = false }: { title?: string; averages?: boolean } = {},
): LabPanel {
  return table({
    title,
    description: `What the pods of each ${each} receive and send now. Packets: ${CADVISOR}`,
    unit: 'pps',
    keys,
    columns: [
      { name: 'Receive Bandwidth', query: bandwidth('receive', scope, by), unit: 'bps' },
      { name: 'Transmit Bandwidth', query: bandwidth('transmit', scope, by), unit: 'bps' },
      ...(averages
        ? [
            { name: 'Average Bits Received', query: averageBandwidth('receive', scope, by), unit: 'bps' },
            { name: 'Average Bits Transmitted', query: averageBandwidth('transmit', scope, by), unit: 'bps' },
          ]
        : []),
      { name: 'Received Packets', query: packets('receive', scope, by) },
      { name: 'Transmitted Packets', query: packets('transmit', scope, by) },
      { name: 'Received Packets Dropped', query: droppedPackets('receive', scope, by) },
      { name: 'Transmitted Packets Dropped', query: droppedPackets('transmit', scope, by) },
    ],
  })
}

export function bandwidthTimeseries(direction: Direction, { each, scope, by }: Granularity): LabPanel {
  const { noun, past } = WORDS[direction]
  return timeseries({
    title: `${noun} Bandwidth`,
    description: `Bits per second ${past.toLowerCase()} by the pods of each ${each}.`,
    unit: 'bps',
    stacked: true,
    queries: [bandwidth(direction, scope, by)],
  })
}

export function averageBandwidthTimeseries(
  direction: Direction,
  { each, scope, by }: Granularity,
  title: string,
): LabPanel {
  return timeseries({
    title: `${title}${WORDS[direction].past}`,
    description: `Bits per second ${WORDS[direction].past.toLowerCase()} by the average pod of each ${each}. A pod's containers share one network.`,
    unit: 'bps',
    queries: [averageBandwidth(direction, scope, by)],
  })
}

/** The bandwidth of each row as unstacked lines. */
export function currentBitsTimeseries(direction: Direction, { each, scope, by }: Granularity): LabPanel {
  const { past } = WORDS[direction]
  return timeseries({
    title: `Current Rate of Bits ${past}`,
    description: `Bits per second ${past.toLowerCase()} by the pods of each ${each}, to compare them.`,
    unit: 'bps',
    queries: [bandwidth(direction, scope, by)],
  })
}

export function currentBitsGauge(direction: Direction, { each, scope, by }: Granularity): LabPanel {
  return gauge({ ...currentBits(direction, each), query: bandwidth(direction, scope, by) })
}

export function currentBitsBarGauge(direction: Direction, { each, scope, by }: Granularity): LabPanel {
  return barGauge({ ...currentBits(direction, each), query: bandwidth(direction, scope, by) })
}

export function averageBitsBarGauge(direction: Direction, { each, scope, by }: Granularity): LabPanel {
  const { past } = WORDS[direction]
  return barGauge({
    title: `Average Rate of Bits ${past}`,
    description: `Bits per second ${past.toLowerCase()} by the average pod of each ${each}.`,
    unit: 'bps',
    query: averageBandwidth(direction, scope, by),
  })
}

export function packetsTimeseries(direction: Direction, { each, scope, by }: Granularity): LabPanel {
  const { past } = WORDS[direction]
  return timeseries({
    title: `Rate of ${past} Packets`,
    description: `Packets per second ${past.toLowerCase()} by the pods of each ${each}. ${CADVISOR}`,
    unit: 'pps',
    stacked: true,
    queries: [packets(direction, scope, by)],
  })
}

export function droppedPacketsTimeseries(direction: Direction, { each, scope, by }: Granularity): LabPanel {
  const { past } = WORDS[direction]
  return timeseries({
    title: `Rate of ${past} Packets Dropped`,
    description: `${past} packets per second that were dropped, by the pods of each ${each}. ${CADVISOR}`,
    unit: 'pps',
    stacked: true,
    queries: [droppedPackets(direction, scope, by)],
  })
}

function currentBits(direction: Direction, each: string): { title: string; description: string; unit: string } {
  const { past } = WORDS[direction]
  return {
    title: `Current Rate of Bits ${past}`,
    description: `Bits per second ${past.toLowerCase()} by each ${each} now.`,
    unit: 'bps',
  }
}
