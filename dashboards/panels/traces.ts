import { type LabPanel, stat, timeseries } from '../panel-builders.ts'
import {
  acceptedSpans,
  collectorQueue,
  found,
  lostSpans,
  refusedSpans,
  sentSpans,
  simulatedRequests,
  simulatedSpans,
  waitingSpans,
} from '../queries/traces.ts'

export function generatorsStat(): LabPanel {
  return stat({
    title: 'Load generators',
    description:
      'Workloads that call others and are not called: requests begin there. Without one there are no requests.',
    unit: 'none',
    query: found('generators'),
  })
}

export function calledServicesStat(): LabPanel {
  return stat({
    title: 'Called Services',
    description: 'Services that a workload has in one of its environment variables.',
    unit: 'none',
    query: found('services'),
  })
}

export function problemsStat(): LabPanel {
  return stat({
    title: 'Problems',
    description: 'Variables and calls that are invalid or suspicious. The log of the simulator lists them.',
    unit: 'none',
    query: found('problems'),
    thresholds: [
      { value: null, color: 'green' },
      { value: 1, color: 'orange' },
    ],
  })
}

export function waitingSpansStat(): LabPanel {
  return stat({
    title: 'Waiting spans',
    description: "Spans in the simulator's queue. When it is full, further spans are dropped.",
    unit: 'short',
    query: waitingSpans,
  })
}

export function simulatedRequestsTimeseries(): LabPanel {
  return timeseries({
    title: 'Simulated requests',
    description: 'Simulated requests per second of all load generators: TRACE_RATE.',
    unit: 'reqps',
    queries: [simulatedRequests],
  })
}

export function simulatedSpansTimeseries(): LabPanel {
  return timeseries({
    title: 'Simulated spans',
    description: 'Spans per second that the simulator sent, dropped because its queue is full, and that were refused.',
    unit: 'ops',
    stacked: true,
    queries: [simulatedSpans],
  })
}

export function collectorSpansTimeseries(): LabPanel {
  return timeseries({
    title: 'Spans through the collector',
    description:
      'Spans per second that the OpenTelemetry Collector accepts (by HTTP from the simulator, by gRPC from the control plane) and sends to Jaeger or Tempo.',
    unit: 'ops',
    queries: [acceptedSpans, sentSpans],
  })
}

export function lostSpansTimeseries(): LabPanel {
  return timeseries({
    title: 'Spans lost in the collector',
    description: 'Spans per second that the collector refused, and that it dropped because no store accepted them.',
    unit: 'ops',
    queries: [...refusedSpans, lostSpans],
  })
}

export function collectorQueueTimeseries(): LabPanel {
  return timeseries({
    title: "The collector's queue of spans",
    description:
      "Batches of spans in the collector's queues, and the capacity of these. They grow while Jaeger or Tempo is unavailable.",
    unit: 'short',
    bounds: ['capacity'],
    queries: collectorQueue,
  })
}
