import type { Sample } from '../counters/usage-samples.ts'
import { attributeList, type OtlpMetric, otlpMetric, type Point } from '../otlp-metrics.ts'
import { DISK_DEVICE, NETWORK_DEVICE, reads, rxDropped, rxPackets, txDropped, txPackets, writes } from './devices.ts'
import type { HostExtras } from './host-extras.ts'
import type { MeasuredNode, MeasuredPod } from './node-measurement.ts'

function metric(name: string, unit: string, kind: OtlpMetric['kind'], points: Point[]): OtlpMetric {
  return { name: `system.${name}`, unit, kind, points }
}

const SCOPE = 'github.com/open-telemetry/opentelemetry-collector-contrib/receiver/hostmetricsreceiver/internal/scraper/'
const TCP_STATES = [
  'CLOSE',
  'CLOSE_WAIT',
  'CLOSING',
  'DELETE',
  'ESTABLISHED',
  'FIN_WAIT_1',
  'FIN_WAIT_2',
  'LAST_ACK',
  'LISTEN',
  'SYN_RECV',
  'SYN_SENT',
  'TIME_WAIT',
]

/**
 * A node's host metrics as one OTLP `ResourceMetrics` in JSON: the default metrics of the collector's host_metrics receiver for
 * CPU, load, memory, disk, filesystem and network, with its names, units and attributes. They agree with the node's summary:
 * busy CPU time, working set, disk and traffic are the same numbers.
 */
export function hostResourceMetrics(measured: MeasuredNode, extras: HostExtras): unknown {
  const { facts, nowMs, startMs } = measured
  const scopes: [string, OtlpMetric[]][] = [
    ['cpuscraper', cpuMetrics(extras)],
    ['loadscraper', loadMetrics(extras)],
    ['memoryscraper', memoryMetrics(measured)],
    ['diskscraper', diskMetrics(measured)],
    ['filesystemscraper', filesystemMetrics(measured)],
    ['networkscraper', networkMetrics(measured)],
  ]
  return {
    resource: { attributes: attributeList({ 'host.name': facts.name, 'k8s.node.name': facts.name }) },
    scopeMetrics: scopes.map(([scraper, metrics]) => ({
      scope: { name: SCOPE + scraper },
      metrics: metrics.map(metric => otlpMetric(metric, { startMs, nowMs })),
    })),
  }
}

function cpuMetrics({ cores }: HostExtras): OtlpMetric[] {
  const points: Point[] = []
  for (const [at, { busyNs, idleNs }] of cores.entries()) {
    for (const [state, value] of cpuStates(busyNs / 1e9, idleNs / 1e9)) points.push([value, { cpu: `cpu${at}`, state }])
  }
  const count: Point[] = [[cores.length, {}]]
  return [metric('cpu.time', 's', 'counter', points), metric('cpu.logical.count', '{cpu}', 'sum', count)]
}

/** Splits busy and idle time over the states of `system.cpu.time`. */
export function cpuStates(busy: number, idle: number): [state: string, value: number][] {
  return [
    ['user', busy * 0.68],
    ['system', busy * 0.27],
    ['idle', idle * 0.998],
    ['interrupt', 0],
    ['nice', 0],
    ['softirq', busy * 0.05],
    ['steal', 0],
    ['wait', idle * 0.002],
  ]
}

function loadMetrics({ loads }: HostExtras): OtlpMetric[] {
  return (['1m', '5m', '15m'] as const).map((span, index) =>
    metric(`cpu.load_average.${span}`, '{thread}', 'gauge', [[loads[index] ?? 0, {}]]),
  )
}

function memoryMetrics({ facts, total }: MeasuredNode): OtlpMetric[] {
  const states = memoryStates(total, facts.memoryCapacityBytes)
  const points = Object.entries(states).map(([state, value]): Point => [value, { state }])
  return [metric('memory.usage', 'By', 'sum', points)]
}

/** Splits a node's memory over the states of `system.memory.usage`, in bytes. */
export function memoryStates(
  { usageBytes, workingSetBytes }: Pick<Sample, 'usageBytes' | 'workingSetBytes'>,
  capacityBytes = usageBytes,
) {
  const cache = Math.max(0, usageBytes - workingSetBytes)
  const kernel = Math.floor(workingSetBytes * 0.05)
  const buffered = Math.floor(cache * 0.1)
  const reclaimable = Math.floor(cache * 0.15)
  return {
    used: workingSetBytes - kernel,
    free: Math.max(0, capacityBytes - workingSetBytes - cache),
    cached: cache - buffered - reclaimable,
    buffered,
    slab_reclaimable: reclaimable,
    slab_unreclaimable: kernel,
  }
}

/** The work of a node's disk. A read takes 0.4 ms and a write 0.8 ms; they do not overlap. */
export function diskWork({ readBytes, writtenBytes }: Pick<Sample, 'readBytes' | 'writtenBytes'>) {
  const [readCount, writeCount] = [reads(readBytes), writes(writtenBytes)]
  const [readS, writeS] = [readCount * 0.0004, writeCount * 0.0008]
  const [readsMerged, writesMerged] = [Math.floor(readCount / 6), Math.floor(writeCount / 3)]
  return { readCount, writeCount, readsMerged, writesMerged, readS, writeS, busyS: readS + writeS }
}

function diskMetrics({ total }: MeasuredNode): OtlpMetric[] {
  const device = DISK_DEVICE.replace('/dev/', '')
  const { readCount, writeCount, readsMerged, writesMerged, readS, writeS, busyS } = diskWork(total)
  const byDirection = (read: number, write: number): Point[] => [
    [read, { device, direction: 'read' }],
    [write, { device, direction: 'write' }],
  ]
  const counter = (name: string, unit: string, points: Point[]) => metric(`disk.${name}`, unit, 'counter', points)
  const busy: Point[] = [[busyS, { device }]]
  return [
    counter('io', 'By', byDirection(total.readBytes, total.writtenBytes)),
    counter('operations', '{operations}', byDirection(readCount, writeCount)),
    counter('merged', '{operations}', byDirection(readsMerged, writesMerged)),
    counter('operation_time', 's', byDirection(readS, writeS)),
    counter('io_time', 's', busy),
    counter('weighted_io_time', 's', busy),
    metric('disk.pending_operations', '{operations}', 'sum', [[0, { device }]]),
  ]
}

/** The inodes of a node's filesystem. */
export function inodesOf({ disk, used }: Pick<MeasuredNode, 'disk' | 'used'>): number {
  return Math.max(Math.floor(disk.capacityBytes / 16_384), used.inodesUsed)
}

function filesystemMetrics({ disk, used }: MeasuredNode): OtlpMetric[] {
  const mount = { device: `${DISK_DEVICE}1`, mode: 'rw', mountpoint: '/', type: 'ext4' }
  const states = (values: [string, number][]) =>
    values.map(([state, value]): Point => [Math.max(0, Math.round(value)), { ...mount, state }])
  const usage = states([
    ['used', used.usedBytes],
    ['free', disk.availableBytes],
    ['reserved', disk.capacityBytes - used.usedBytes - disk.availableBytes],
  ])
  const inodesUsage = states([
    ['used', used.inodesUsed],
    ['free', inodesOf({ disk, used }) - used.inodesUsed],
  ])
  return [
    metric('filesystem.usage', 'By', 'sum', usage),
    metric('filesystem.inodes.usage', '{inodes}', 'sum', inodesUsage),
  ]
}

/** The TCP connections of a node by state. */
export function tcpConnections({ length }: readonly MeasuredPod[]) {
  return { ESTABLISHED: 12 + 3 * length, LISTEN: 8 + length, TIME_WAIT: 2 * length }
}

function networkMetrics({ traffic, errors, pods }: MeasuredNode): OtlpMetric[] {
  const { rxBytes, txBytes } = traffic
  const device = NETWORK_DEVICE
  const counter = (name: string, unit: string, receive: number, transmit: number) =>
    metric(`network.${name}`, unit, 'counter', [
      [receive, { device, direction: 'receive' }],
      [transmit, { device, direction: 'transmit' }],
    ])
  const connections: Record<string, number> = tcpConnections(pods)
  const states = TCP_STATES.map((state): Point => [connections[state] ?? 0, { protocol: 'tcp', state }])
  return [
    counter('io', 'By', rxBytes, txBytes),
    counter('packets', '{packets}', rxPackets(rxBytes), txPackets(txBytes)),
    counter('errors', '{errors}', errors.rx, errors.tx),
    counter('dropped', '{packets}', rxDropped(rxBytes), txDropped(txBytes)),
    metric('network.connections', '{connections}', 'sum', states),
  ]
}
