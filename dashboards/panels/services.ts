import type { TraceStore } from '../../lib/grafana/generated-files.ts'
import { toTraces } from '../links.ts'
import { type LabPanel, steps, table, timeseries } from '../panel-builders.ts'
import * as query from '../queries/services.ts'
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
      { name: 'Pods', query: query.servicePods, unit: 'none', decimals: 0 },
      { name: 'Requests', query: query.requestRate },
      { name: 'Errors', query: query.errorShare, unit: 'percentunit', decimals: 1 },
      { name: 'Mean', query: query.meanDuration, ...seconds },
      { name: 'p50', query: query.durationQuantile(0.5), ...seconds },
      { name: 'p95', query: query.durationQuantile(0.95), ...seconds },
      { name: 'p99', query: query.durationQuantile(0.99), ...seconds },
    ],
  })
}

export const requestRateTimeseries = timeseries({
  title: 'Requests',
  description: 'Requests per second of each service. One request of a user passes through many services.',
  unit: 'reqps',
  queries: [query.requestRate],
})

export const errorRateTimeseries = timeseries({
  title: 'Errors',
  description: 'Failed requests per second of each service, also those that fail because of another service.',
  unit: 'reqps',
  queries: [query.errorRate],
})

export const errorShareTimeseries = timeseries({
  title: 'Errors, part of requests',
  description: 'Share of failed requests of each service.',
  unit: 'percentunit',
  max: 1,
  thresholds: steps('green', [ERRORS_THRESHOLD, 'red']),
  queries: [query.errorShare],
})

export function durationTimeseries(quantile: 0.5 | 0.95 | 0.99): LabPanel {
  const percent = Math.round(quantile * 100)
  return timeseries({
    title: `Duration p${percent}`,
    description: `Duration of ${percent} % of the requests of each service at most, with those of the services that it calls.`,
    unit: 's',
    queries: [query.durationQuantile(quantile)],
  })
}

export const meanDurationTimeseries = timeseries({
  title: 'Duration, mean',
  description: 'Mean request duration of each service, with those of the services that it calls.',
  unit: 's',
  queries: [query.meanDuration],
})

export const callRateTimeseries = timeseries({
  title: 'Calls to others',
  description: 'Calls per second of each service, by span name. All requests begin with those of a load generator.',
  unit: 'reqps',
  queries: [query.callRate],
})

export const failedCallShareTimeseries = timeseries({
  title: 'Failed calls to others, part of calls',
  description: 'Share of failed calls of each service, also of those without an answer because no pod is ready.',
  unit: 'percentunit',
  max: 1,
  queries: [query.failedCallShare],
})

export const servicePodsTimeseries = timeseries({
  title: 'Pods',
  description: 'Running pods of each service: those of the workload with the name of the service.',
  unit: 'short',
  stacked: true,
  queries: [query.servicePods],
})
