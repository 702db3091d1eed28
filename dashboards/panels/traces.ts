import { stat, steps, timeseries } from '../panel-builders.ts'
import * as query from '../queries/traces.ts'

export const generatorsStat = stat({
  title: 'Load generators',
  description:
    'Workloads that call others and are not called: requests begin there. Without one there are no requests.',
  unit: 'none',
  query: query.found('generators'),
})

export const calledServicesStat = stat({
  title: 'Called Services',
  description: 'Services that a workload has in one of its environment variables.',
  unit: 'none',
  query: query.found('services'),
})

export const problemsStat = stat({
  title: 'Problems',
  description: 'Variables and calls that are invalid or suspicious. The log of the simulator lists them.',
  unit: 'none',
  query: query.found('problems'),
  thresholds: steps('green', [1, 'orange']),
})

export const waitingSpansStat = stat({
  title: 'Waiting spans',
  description: "Spans in the simulator's queue. When it is full, further spans are dropped.",
  unit: 'short',
  query: query.waitingSpans,
})

export const simulatedRequestsTimeseries = timeseries({
  title: 'Simulated requests',
  description: 'Simulated requests per second of all load generators: TRACE_RATE.',
  unit: 'reqps',
  queries: [query.simulatedRequests],
})

export const simulatedSpansTimeseries = timeseries({
  title: 'Simulated spans',
  description: 'Spans per second that the simulator sent, dropped because its queue is full, and that were refused.',
  unit: 'ops',
  stacked: true,
  queries: [query.simulatedSpans],
})

export const collectorSpansTimeseries = timeseries({
  title: 'Spans through the collector',
  description:
    'Spans per second that the OpenTelemetry Collector accepts (by HTTP from the simulator, by gRPC from the control plane) and sends to Jaeger or Tempo.',
  unit: 'ops',
  queries: [query.acceptedSpans, query.sentSpans],
})

export const lostSpansTimeseries = timeseries({
  title: 'Spans lost in the collector',
  description: 'Spans per second that the collector refused, and that it dropped because no store accepted them.',
  unit: 'ops',
  queries: [...query.refusedSpans, query.lostSpans],
})

export const collectorQueueTimeseries = timeseries({
  title: "The collector's queue of spans",
  description:
    "Batches of spans in the collector's queues, and the capacity of these. They grow while Jaeger or Tempo is unavailable.",
  unit: 'short',
  bounds: ['capacity'],
  queries: query.collectorQueue,
})
