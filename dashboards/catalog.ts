import type { CatalogMetric } from '../lib/checks/lint/metric-catalog.ts'
import { CADVISOR, cadvisorMetrics } from './catalog/cadvisor.ts'
import { controlPlaneMetrics } from './catalog/control-plane.ts'
import { HOSTMETRICS, hostMetrics } from './catalog/hostmetrics.ts'
import { K8S_CLUSTER, k8sClusterMetrics } from './catalog/k8s-cluster.ts'
import { KUBELETSTATS, kubeletstatsMetrics } from './catalog/kubeletstats.ts'
import { KWOK_METRICS, kwokMetrics } from './catalog/kwok-metrics.ts'
import { labMetrics } from './catalog/lab.ts'
import { SPANMETRICS, serviceMetrics } from './catalog/services.ts'

/** The metrics that queries can use: all metrics of the lab's Prometheus, or of some sources the used part. */
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

/** The sources whose metrics are complete in the catalog, so that a live lab has no others. */
export const completeSources: readonly string[] = [KUBELETSTATS, K8S_CLUSTER, HOSTMETRICS, CADVISOR, SPANMETRICS]

/** Optional sources: traced applications, and metrics that KWOK serves. */
export const optionalSources: readonly string[] = [SPANMETRICS, KWOK_METRICS]
