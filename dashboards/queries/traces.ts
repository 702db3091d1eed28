import type { Prerequisite } from '../../lib/checks/verify/query-expectations.ts'
import type { Query } from './query.ts'
import { IN_CLUSTER } from './scope.ts'

/** A collector without spans has no series of them: without callers, and with TRACING=false. */
const NEEDS: readonly Prerequisite[] = ['spans']

const FOUND = { generators: 'trace-generators', services: 'traced-services', problems: 'trace-problems' } as const

/** The simulator's counts of generators, services and problems in the cluster. */
export function found(what: 'generators' | 'services' | 'problems'): Query {
  return {
    expr: `sum by (k8s_cluster_name) (traces_simulator_${what}{${IN_CLUSTER}})`,
    truth: { of: FOUND[what], by: ['cluster'] },
  }
}

/** Spans in the simulator's send queue. */
export const waitingSpans: Query = {
  expr: `sum by (k8s_cluster_name) (traces_simulator_queue{${IN_CLUSTER}})`,
  legend: 'simulator',
}

/** Simulated requests per second. */
export const simulatedRequests: Query = {
  expr: `sum by (k8s_cluster_name) (rate(traces_simulator_requests_total{${IN_CLUSTER}}[$__rate_interval]))`,
  legend: 'requests',
}

/** Spans per second by result: sent, dropped because the queue is full, or refused. */
export const simulatedSpans: Query = {
  expr: `sum by (result) (rate(traces_simulator_spans_total{${IN_CLUSTER}}[$__rate_interval]))`,
  legend: '{{result}}',
}

/** Spans per second that the collector accepts: by HTTP from the simulator, by gRPC from the control plane. */
export const acceptedSpans: Query = {
  expr: collected('receiver, transport', 'otelcol_receiver_accepted_spans_total'),
  legend: '{{receiver}} by {{transport}}',
  prerequisites: NEEDS,
}

/** Spans per second that the collector sends. */
export const sentSpans: Query = {
  expr: collected('exporter', 'otelcol_exporter_sent_spans_total'),
  legend: 'sent by {{exporter}}',
  prerequisites: NEEDS,
}

/** Spans per second that the collector refuses, and fails on. */
export const refusedSpans: Query[] = (['refused', 'failed'] as const).map(what => ({
  expr: collected('receiver, transport', `otelcol_receiver_${what}_spans_total`),
  legend: `{{receiver}} by {{transport}} ${what}`,
  prerequisites: NEEDS,
}))

/** Spans per second that the collector drops because no store accepts them. */
export const lostSpans: Query = {
  expr: collected('exporter', 'otelcol_exporter_send_failed_spans_total'),
  legend: 'given up by {{exporter}}',
  emptyWhen: { because: 'a collector without failed spans has no series of them', given: sentSpans.expr },
  prerequisites: NEEDS,
}

/** Batches in the collector's queues for Jaeger and Tempo, and the capacity of these. */
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
