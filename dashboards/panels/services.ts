import { type TraceStore, toTraces } from '../links.ts'
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

/** Above this part of errors somebody should look. */
const ERRORS_THRESHOLD = 0.05

/** Every service in one row, with a way to its traces. */
export function servicesTable(tracesIn: TraceStore): LabPanel {
  const seconds = { unit: 's' }
  return table({
    title: 'Services',
    description:
      'What each service answers now, and the pods behind it. A click on its name leads to its traces. Nobody asks anything of a load generator: it has pods alone.',
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
    description: 'Requests a second that each service answers. One of a user passes through many of them.',
    unit: 'reqps',
    queries: [requestRate],
  })
}

export function errorRateTimeseries(): LabPanel {
  return timeseries({
    title: 'Errors',
    description: 'Requests a second that each service answers with an error, whoever is at fault for it.',
    unit: 'reqps',
    queries: [errorRate],
  })
}

export function errorShareTimeseries(): LabPanel {
  return timeseries({
    title: 'Errors, part of requests',
    description: 'The part of its requests that each service answers with an error.',
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
    description: `Time within which ${percent} of 100 requests of each service are answered, those it calls included.`,
    unit: 's',
    queries: [durationQuantile(quantile)],
  })
}

export function meanDurationTimeseries(): LabPanel {
  return timeseries({
    title: 'Duration, mean',
    description: 'Time that each service takes for a request in the mean, those it calls included.',
    unit: 's',
    queries: [meanDuration],
  })
}

export function callRateTimeseries(): LabPanel {
  return timeseries({
    title: 'Calls to others',
    description: "Calls a second that each service makes, by what it calls. A load generator's are where all begins.",
    unit: 'reqps',
    queries: [callRate],
  })
}

export function failedCallShareTimeseries(): LabPanel {
  return timeseries({
    title: 'Failed calls to others, part of calls',
    description:
      'The part of its calls that each service gets an error for: also where nobody answers, as no pod is ready.',
    unit: 'percentunit',
    max: 1,
    queries: [failedCallShare],
  })
}

export function servicePodsTimeseries(): LabPanel {
  return timeseries({
    title: 'Pods',
    description: "Pods that run behind each service: those of the workload that has the service's name.",
    unit: 'short',
    stacked: true,
    queries: [servicePods],
  })
}
