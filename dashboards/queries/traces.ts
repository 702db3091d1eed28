import type { Prerequisite } from '../../lib/checks/verify/query-expectations.ts'
import type { Query } from './query.ts'
import { IN_CLUSTER } from './scope.ts'

/** A collector that nobody has sent spans to has no series of them: without callers, and with TRACING=false. */
const NEEDS: readonly Prerequisite[] = ['spans']

const FOUND = { generators: 'trace-generators', services: 'traced-services', problems: 'trace-problems' } as const

/** What the simulator derived from the cluster: how many generators, services and problems. */
export function found(what: 'generators' | 'services' | 'problems'): Query {
  return {
    expr: `sum by (k8s_cluster_name) (traces_simulator_${what}{${IN_CLUSTER}})`,
    truth: { of: FOUND[what], by: ['cluster'] },
  }
}

/** Spans that wait in the simulator to be sent. */
export const waitingSpans: Query = {
  expr: `sum by (k8s_cluster_name) (traces_simulator_queue{${IN_CLUSTER}})`,
  legend: 'simulator',
}

/** Requests a second that the simulator makes up. */
export const simulatedRequests: Query = {
  expr: `sum by (k8s_cluster_name) (rate(traces_simulator_requests_total{${IN_CLUSTER}}[$__rate_interval]))`,
  legend: 'requests',
}

/** Spans a second by what became of them: sent, dropped for want of room, or refused. */
export const simulatedSpans: Query = {
  expr: `sum by (result) (rate(traces_simulator_spans_total{${IN_CLUSTER}}[$__rate_interval]))`,
  legend: '{{result}}',
}

/** Spans a second that the collector takes in: by HTTP those of the simulator, by gRPC those of the control plane. */
export const acceptedSpans: Query = {
  expr: collected('receiver, transport', 'otelcol_receiver_accepted_spans_total'),
  legend: '{{receiver}} by {{transport}}',
  prerequisites: NEEDS,
}

/** Spans a second that the collector hands on. */
export const sentSpans: Query = {
  expr: collected('exporter', 'otelcol_exporter_sent_spans_total'),
  legend: 'sent by {{exporter}}',
  prerequisites: NEEDS,
}

/** Spans a second that the collector refuses to take, and fails over. */
export const refusedSpans: Query[] = (['refused', 'failed'] as const).map(what => ({
  expr: collected('receiver, transport', `otelcol_receiver_${what}_spans_total`),
  legend: `{{receiver}} by {{transport}} ${what}`,
  prerequisites: NEEDS,
}))

/** Spans a second that the collector gives up, as nobody takes them. */
export const lostSpans: Query = {
  expr: collected('exporter', 'otelcol_exporter_send_failed_spans_total'),
  legend: 'given up by {{exporter}}',
  emptyWhen: { because: 'a collector that delivers all has no series of what it gave up', given: sentSpans.expr },
  prerequisites: NEEDS,
}

/** Batches that wait in the collector's queues for Jaeger and Tempo, and for how many there is room. */
export const collectorQueue: Query[] = [
  { expr: queue('size'), legend: '{{exporter}} waiting' },
  { expr: queue('capacity'), legend: '{{exporter}} capacity' },
]

function collected(by: string, metric: string): string {
  return `sum by (${by}) (rate(${metric}{${IN_CLUSTER}}[$__rate_interval]))`
}

function queue(what: 'size' | 'capacity'): string {
  return `sum by (exporter) (otelcol_exporter_queue_${what}{${IN_CLUSTER}, data_type="traces"})`
}
