import type { Query } from './query.ts'
import { chosen, IN_CLUSTER } from './scope.ts'

/** A part of the control plane, by the job that scrapes it; these stand in `kwok-config/prometheus.yaml`. */
export type ControlPlaneJob =
  | 'etcd'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'kwok-controller'

/** The matchers of one part's chosen instances. */
export function ofJob(job: ControlPlaneJob): string {
  return `${IN_CLUSTER}, job="${job}", ${chosen('instance', 'instance')}`
}

/** Instances that could be scraped. */
export function up(job: ControlPlaneJob): Query {
  return { expr: `sum by (k8s_cluster_name) (up{${IN_CLUSTER}, job="${job}"})` }
}

/** Things a second put into each work queue. */
export function workQueueAdds(job: ControlPlaneJob): Query {
  return rate('workqueue_adds_total', job, ['instance', 'name'])
}

/** Things that wait in each work queue. */
export function workQueueDepth(job: ControlPlaneJob): Query {
  return { expr: `sum by (instance, name) (workqueue_depth{${ofJob(job)}})`, legend: '{{instance}} {{name}}' }
}

/** Seconds within which 99 of 100 things have left their queue. */
export function workQueueLatency(job: ControlPlaneJob): Query {
  return quantile('workqueue_queue_duration_seconds', job, ['instance', 'name'])
}

/** Requests a second to the API server, by status code. */
export function apiRequestRate(job: ControlPlaneJob): Query {
  return { ...rate('rest_client_requests_total', job, ['code']), legend: '{{code}}' }
}

/** Seconds within which 99 of 100 requests of a verb to the API server are answered. */
export function apiRequestLatency(job: ControlPlaneJob, verb: 'POST' | 'GET'): Query {
  const timed = `rest_client_request_duration_seconds_count{${ofJob(job)}`
  const buckets = `rest_client_request_duration_seconds_bucket{${ofJob(job)}, verb="${verb}"}`
  return {
    expr: `histogram_quantile(0.99, sum by (instance, le) (rate(${buckets}[$__rate_interval])))`,
    legend: '{{instance}}',
    nanWhen: {
      because: 'there is no latency while no such request is made',
      noneOf: `sum by (instance) (rate(${timed}, verb="${verb}"}[$__rate_interval]))`,
    },
    emptyWhen: {
      because: 'a part that never made such a request has no series of it',
      // Not rest_client_requests_total: that counts watches too, which nobody times.
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

/** A counter's rate, by labels. */
export function rate(metric: string, job: ControlPlaneJob, by: readonly string[]): Query {
  return {
    expr: `sum by (${by.join(', ')}) (rate(${metric}{${ofJob(job)}}[$__rate_interval]))`,
    legend: by.map(label => `{{${label}}}`).join(' '),
  }
}

/** What 99 of 100 observations of a histogram stay below, by labels. */
export function quantile(metric: string, job: ControlPlaneJob, by: readonly string[]): Query {
  const buckets = `rate(${metric}_bucket{${ofJob(job)}}[$__rate_interval])`
  return {
    expr: `histogram_quantile(0.99, sum by (${[...by, 'le'].join(', ')}) (${buckets}))`,
    legend: by.map(label => `{{${label}}}`).join(' '),
    nanWhen: {
      because: 'there is no quantile while nothing is observed',
      noneOf: rate(`${metric}_count`, job, by).expr,
    },
  }
}
