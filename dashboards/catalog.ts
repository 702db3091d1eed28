import type { CatalogMetric } from '../lib/checks/lint/metric-catalog.ts'
import { CADVISOR, cadvisorMetrics } from './catalog/cadvisor.ts'
import { controlPlaneMetrics } from './catalog/control-plane.ts'
import { HOSTMETRICS, hostMetrics } from './catalog/hostmetrics.ts'
import { K8S_CLUSTER, k8sClusterMetrics } from './catalog/k8s-cluster.ts'
import { KUBELETSTATS, kubeletstatsMetrics } from './catalog/kubeletstats.ts'
import { KWOK_METRICS, kwokMetrics } from './catalog/kwok-metrics.ts'
import { labMetrics } from './catalog/lab.ts'
import { SPANMETRICS, serviceMetrics } from './catalog/services.ts'

/** Every metric that queries may name: what the lab's Prometheus holds, or of some sources the part that is used. */
export const catalog: readonly CatalogMetric[] = [
  ...kubeletstatsMetrics(),
  ...k8sClusterMetrics(),
  ...hostMetrics(),
  ...cadvisorMetrics(),
  ...controlPlaneMetrics(),
  ...labMetrics(),
  ...serviceMetrics(),
  ...kwokMetrics(),
]

/** The sources of which the catalogue has every metric, so that a live lab has no other. */
export const completeSources: readonly string[] = [KUBELETSTATS, K8S_CLUSTER, HOSTMETRICS, CADVISOR, SPANMETRICS]

/** The sources that a lab has only once somebody adds what they are of: an application that is traced, metrics that KWOK serves. */
export const optionalSources: readonly string[] = [SPANMETRICS, KWOK_METRICS]
