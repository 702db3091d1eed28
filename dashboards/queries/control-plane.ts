import type { Query } from './query.ts'
import { IN_CLUSTER, selected } from './scope.ts'

/** A component of the control plane, by its scrape job in `kwok-config/prometheus.yaml`. */
export type ControlPlaneJob =
  | 'etcd'
  | 'apiserver'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'kwok-controller'

/** The matchers of the selected instances of one component. */
export function ofJob(job: ControlPlaneJob): string {
  return `${IN_CLUSTER}, job="${job}", ${selected('instance', 'instance')}`
}

/** Instances whose scrape succeeds. */
export function up(job: ControlPlaneJob): Query {
  return { expr: `sum by (k8s_cluster_name) (up{${IN_CLUSTER}, job="${job}"})` }
}

/** Objects added to each work queue per second. */
export function workQueueAdds(job: ControlPlaneJob): Query {
  return rate('workqueue_adds_total', job, ['instance', 'name'])
}

/** Objects waiting in each work queue. */
export function workQueueDepth(job: ControlPlaneJob): Query {
  return { expr: `sum by (instance, name) (workqueue_depth{${ofJob(job)}})`, legend: '{{instance}} {{name}}' }
}

/** The 99th percentile of the time in a work queue, in seconds. */
export function workQueueLatency(job: ControlPlaneJob): Query {
  return quantile('workqueue_queue_duration_seconds', job, ['instance', 'name'])
}

/** Requests to the API server per second, by status code. */
export function apiRequestRate(job: ControlPlaneJob): Query {
  return { ...rate('rest_client_requests_total', job, ['code']), legend: '{{code}}' }
}

/** The 99th percentile of the duration of requests to the API server, by verb, in seconds. */
export function apiRequestLatency(job: ControlPlaneJob, verb: 'POST' | 'GET'): Query {
  const timed = `rest_client_request_duration_seconds_count{${ofJob(job)}`
  const buckets = `rest_client_request_duration_seconds_bucket{${ofJob(job)}, verb="${verb}"}`
  return {
    expr: `histogram_quantile(0.99, sum by (instance, le) (rate(${buckets}[$__rate_interval])))`,
    legend: '{{instance}}',
    nanWhen: {
      because: 'without such requests there is no latency',
      noneOf: `sum by (instance) (rate(${timed}, verb="${verb}"}[$__rate_interval]))`,
    },
    emptyWhen: {
      because: 'a component without such requests has no series of them',
      // Not rest_client_requests_total, which counts watches too; their durations are not measured.
      given: `${timed}}`,
      noneOf: `${timed}, verb="${verb}"}`,
    },
  }
}

export function residentMemory(job: ControlPlaneJob): Query {
  return { expr: `process_resident_memory_bytes{${ofJob(job)}}`, legend: '{{instance}}' }
}

export function processCpu(job: ControlPlaneJob): Query {
  return { expr: `rate(process_cpu_seconds_total{${ofJob(job)}}[$__rate_interval])`, legend: '{{instance}}' }
}

export function goroutines(job: ControlPlaneJob): Query {
  return { expr: `go_goroutines{${ofJob(job)}}`, legend: '{{instance}}' }
}

/** The rate of a counter, by labels. */
export function rate(metric: string, job: ControlPlaneJob, by: readonly string[]): Query {
  return {
    expr: `sum by (${by.join(', ')}) (rate(${metric}{${ofJob(job)}}[$__rate_interval]))`,
    legend: by.map(label => `{{${label}}}`).join(' '),
  }
}

/** The 99th percentile of a histogram, by labels. */
export function quantile(metric: string, job: ControlPlaneJob, by: readonly string[]): Query {
  const buckets = `rate(${metric}_bucket{${ofJob(job)}}[$__rate_interval])`
  return {
    expr: `histogram_quantile(0.99, sum by (${[...by, 'le'].join(', ')}) (${buckets}))`,
    legend: by.map(label => `{{${label}}}`).join(' '),
    nanWhen: {
      because: 'without observations there is no quantile',
      noneOf: rate(`${metric}_count`, job, by).expr,
    },
  }
}
