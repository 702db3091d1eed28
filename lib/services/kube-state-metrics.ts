import { fields, items } from '../kube/json.ts'
import { kubePrometheusRights } from '../lab/kubeconfig.ts'
import type { Lab } from '../lab/lab.ts'
import { hasPrometheusMetrics } from '../lab/metrics-dialects.ts'
import { isOk, probe } from '../system/probe.ts'
import { readYamlDocuments } from '../system/yaml-files.ts'
import { defineService } from './define-service.ts'

/** kube-state-metrics, for METRICS=prometheus and METRICS=both: the state of the cluster's objects as metrics. */
export const kubeStateMetrics = defineService({
  name: 'kube-state-metrics',
  isWanted: hasPrometheusMetrics,
  ports: ['kubeStateMetricsPort', 'kubeStateMetricsTelemetryPort'],
  published: [],
  ready: lab => isOk(readyUrl(lab)),
  probe: async lab => (await probe({ url: readyUrl(lab) })) ?? (await missingRights(lab)),
  run: (_, place) => ({
    args: [
      `--kubeconfig=${place.kubeconfig('kube-state-metrics')}`,
      `--host=${place.host}`,
      `--port=${place.port('kubeStateMetricsPort')}`,
      `--telemetry-host=${place.host}`,
      `--telemetry-port=${place.port('kubeStateMetricsTelemetryPort')}`,
      `--resources=${kinds().join(',')}`,
    ],
    // It lists every object before it is ready: with 10,000 pods that takes more than a minute on a busy machine.
    readyTimeoutMs: 180_000,
  }),
})

/** The kinds that it may list: its default ones but secrets, which no part of the lab may read. */
function kinds(): string[] {
  const role = readYamlDocuments(kubePrometheusRights)
    .map(fields)
    .find(({ kind }) => kind === 'ClusterRole')
  return items(role?.['rules'])
    .flatMap(rule => items(fields(rule)['resources']))
    .map(String)
}

function readyUrl(lab: Lab): string {
  return `http://127.0.0.1:${lab.settings.kubeStateMetricsTelemetryPort}/readyz`
}

/**
 * The kinds that it could never list: most often a right is missing. It is ready all the same, and their metrics are absent. Undefined when
 * there are none. Its own metrics count the lists of each kind by result.
 */
async function missingRights(lab: Lab): Promise<string | undefined> {
  const url = `http://127.0.0.1:${lab.settings.kubeStateMetricsTelemetryPort}/metrics`
  const text = await fetch(url, { signal: AbortSignal.timeout(3_000) })
    .then(answer => answer.text())
    .catch(() => '')
  const counts = [
    ...text.matchAll(/^kube_state_metrics_list_total\{resource="\*?(?<kind>[^"]+)",result="(?<result>\w+)"\} [1-9]/gm),
  ].map(({ groups }) => groups ?? {})
  const kindsWith = (wanted: string) => counts.flatMap(({ kind = '', result }) => (result === wanted ? [kind] : []))
  const listed = kindsWith('success')
  const missing = kindsWith('error').filter(kind => !listed.includes(kind))
  return missing.length === 0
    ? undefined
    : `it may not list ${missing.join(', ')}, so their metrics are absent; make kwok gives it its rights again`
}
