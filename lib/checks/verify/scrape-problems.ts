import { orNone, type PrometheusApi } from '../../prometheus/prometheus-client.ts'
import type { Reading } from './pass-criteria.ts'

/** Retries of kube-state-metrics are up to 30 s apart. */
const LIST_ERRORS_RANGE = '2m'

/** Why Prometheus lacks scraped series of a cluster, as notes: targets that do not answer, and what kube-state-metrics cannot list. */
export async function scrapeProblems(
  api: Pick<PrometheusApi, 'instant'>,
  { states, untilMs }: Reading,
): Promise<string[]> {
  if (states === undefined) return []
  const name = states.now.snapshot.clusterName
  const errors = `kube_state_metrics_list_total{cluster="${name}", result="error"}[${LIST_ERRORS_RANGE}]`
  const [down, unlisted] = await Promise.all(
    [
      `count by (job) (up{k8s_cluster_name="${name}"} == 0 or up{cluster="${name}"} == 0)`,
      `sum by (resource) (increase(${errors})) > 0`,
    ].map(async query => (await orNone(api.instant(query, untilMs))) ?? []),
  )
  return [
    ...(down ?? []).map(
      ({ labels, value }) =>
        `Prometheus cannot scrape job ${labels['job']} (targets down: ${value}), so its series are missing: make kwok-status`,
    ),
    ...(unlisted ?? []).map(
      ({ labels }) =>
        `kube-state-metrics cannot list ${labels['resource']}, so its series of them are missing: make kwok restores its rights`,
    ),
  ]
}
