import type { TraceStore } from '../../lib/grafana/generated-files.ts'
import { toTraces } from '../links.ts'
import { type LabPanel, table, timeseries } from '../panel-builders.ts'
import {
  callRate,
  durationQuantile,
  errorRate,
  errorShare,
  failedCallShare,
  meanDuration,
  requestRate,
  servicePods,
} from '../queries/services.ts'
import { namespaceKeys } from '../table-keys.ts'

/** The share of errors that is highlighted. */
const ERRORS_THRESHOLD = 0.05

/** One row for each service, with a link to its traces. */
export function servicesTable(tracesIn: TraceStore): LabPanel {
  const seconds = { unit: 's' }
  return table({
    title: 'Services',
    description:
      'Requests and pods of each service now. Its name links to its traces. A load generator receives no requests, so it has only pods.',
    unit: 'reqps',
    keys: [{ label: 'service_name', name: 'Service', links: [toTraces(tracesIn)] }, ...namespaceKeys()],
    columns: [
      { name: 'Pods', query: servicePods, unit: 'none', decimals: 0 },
      { name: 'Requests', query: requestRate },
      { name: 'Errors', query: errorShare, unit: 'percentunit', decimals: 1 },
      { name: 'Mean', query: meanDuration, ...seconds },
      { name: 'p50', query: durationQuantile(0.5), ...seconds },
      { name: 'p95', query: durationQuantile(0.95), ...seconds },
      { name: 'p99', query: durationQuantile(0.99), ...seconds },
    ],
  })
}

export function requestRateTimeseries(): LabPanel {
  return timeseries({
    title: 'Requests',
    description: 'Requests per second of each service. One request of a user passes through many services.',
    unit: 'reqps',
    queries: [requestRate],
  })
}

export function errorRateTimeseries(): LabPanel {
  return timeseries({
    title: 'Errors',
    description: 'Failed requests per second of each service, also those that fail because of another service.',
    unit: 'reqps',
    queries: [errorRate],
  })
}

export function errorShareTimeseries(): LabPanel {
  return timeseries({
    title: 'Errors, part of requests',
    description: 'Share of failed requests of each service.',
    unit: 'percentunit',
    max: 1,
    thresholds: [
      { value: null, color: 'green' },
      { value: ERRORS_THRESHOLD, color: 'red' },
    ],
    queries: [errorShare],
  })
}

export function durationTimeseries(quantile: 0.5 | 0.95 | 0.99): LabPanel {
  const percent = Math.round(quantile * 100)
  return timeseries({
    title: `Duration p${percent}`,
    description: `Duration of ${percent} % of the requests of each service at most, with those of the services that it calls.`,
    unit: 's',
    queries: [durationQuantile(quantile)],
  })
}

export function meanDurationTimeseries(): LabPanel {
  return timeseries({
    title: 'Duration, mean',
    description: 'Mean request duration of each service, with those of the services that it calls.',
    unit: 's',
    queries: [meanDuration],
  })
}

export function callRateTimeseries(): LabPanel {
  return timeseries({
    title: 'Calls to others',
    description: 'Calls per second of each service, by span name. All requests begin with those of a load generator.',
    unit: 'reqps',
    queries: [callRate],
  })
}

export function failedCallShareTimeseries(): LabPanel {
  return timeseries({
    title: 'Failed calls to others, part of calls',
    description: 'Share of failed calls of each service, also of those without an answer because no pod is ready.',
    unit: 'percentunit',
    max: 1,
    queries: [failedCallShare],
  })
}

export function servicePodsTimeseries(): LabPanel {
  return timeseries({
    title: 'Pods',
    description: 'Running pods of each service: those of the workload with the name of the service.',
    unit: 'short',
    stacked: true,
    queries: [servicePods],
  })
}
