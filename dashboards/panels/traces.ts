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
    description: 'Workloads that call others and that nobody calls: requests begin there. Without one there are none.',
    unit: 'none',
    query: found('generators'),
  })
}

export function calledServicesStat(): LabPanel {
  return stat({
    title: 'Called Services',
    description: 'Services that some workload names in one of its variables.',
    unit: 'none',
    query: found('services'),
  })
}

export function problemsStat(): LabPanel {
  return stat({
    title: 'Problems',
    description: 'What of the variables and calls can not be used, or looks odd. The log of the simulator names each.',
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
    description: 'Spans that the simulator has not sent yet. When its queue is full, further ones are dropped.',
    unit: 'short',
    query: waitingSpans,
  })
}

export function simulatedRequestsTimeseries(): LabPanel {
  return timeseries({
    title: 'Simulated requests',
    description: 'Requests a second that the simulator makes up, all load generators together: TRACE_RATE.',
    unit: 'reqps',
    queries: [simulatedRequests],
  })
}

export function simulatedSpansTimeseries(): LabPanel {
  return timeseries({
    title: 'Simulated spans',
    description: 'Spans a second that the simulator sent, dropped for want of room, and was refused.',
    unit: 'ops',
    stacked: true,
    queries: [simulatedSpans],
  })
}

export function collectorSpansTimeseries(): LabPanel {
  return timeseries({
    title: 'Spans through the collector',
    description:
      "Spans a second that the OpenTelemetry Collector takes in (by HTTP the simulator's, by gRPC the control plane's) and hands on to Jaeger or Tempo.",
    unit: 'ops',
    queries: [acceptedSpans, sentSpans],
  })
}

export function lostSpansTimeseries(): LabPanel {
  return timeseries({
    title: 'Spans lost in the collector',
    description: 'Spans a second that the collector refused to take, and that it gave up as nobody took them.',
    unit: 'ops',
    queries: [...refusedSpans, lostSpans],
  })
}

export function collectorQueueTimeseries(): LabPanel {
  return timeseries({
    title: "The collector's queue of spans",
    description:
      'Batches of spans that wait to be taken, and for how many there is room. It grows while Jaeger or Tempo is away.',
    unit: 'short',
    bounds: ['capacity'],
    queries: collectorQueue,
  })
}
