import { fields, items } from '../kube/json.ts'
import { addressesOf, insidePorts } from '../lab/addresses.ts'
import { kubeconfigPath, kubePrometheusRights } from '../lab/kubeconfig.ts'
import type { Lab } from '../lab/lab.ts'
import { hasPrometheusMetrics } from '../lab/metrics-dialects.ts'
import { programPath } from '../programs/programs.ts'
import { isOk, probe } from '../system/probe.ts'
import { readYamlDocuments } from '../system/yaml-files.ts'
import { acceptsInside, probeInside } from './container-services.ts'
import { containerDir, insideDir, writeContainerKubeconfig } from './container-user.ts'
import type { Service } from './service.ts'

/** kube-state-metrics, for METRICS=prometheus and METRICS=both: the state of the cluster's objects as metrics. */
export const kubeStateMetrics = {
  name: 'kube-state-metrics',
  process: {
    isWanted: hasPrometheusMetrics,
    ports: ['kubeStateMetricsPort', 'kubeStateMetricsTelemetryPort'],
    probe: async lab => (await probe({ url: readyUrl(lab) })) ?? (await missingRights(lab)),
    spec: async lab => {
      const { kubeStateMetricsPort, kubeStateMetricsTelemetryPort } = lab.settings
      return {
        name: 'kube-state-metrics',
        command: await programPath('kube-state-metrics'),
        args: flags({
          kubeconfig: kubeconfigPath(lab, 'kube-state-metrics'),
          address: '127.0.0.1',
          port: kubeStateMetricsPort,
          telemetryPort: kubeStateMetricsTelemetryPort,
        }),
        ready: () => isOk(readyUrl(lab)),
        readyTimeoutMs: READY_TIMEOUT_MS,
      }
    },
  },
  container: {
    isWanted: hasPrometheusMetrics,
    inside: lab => addressesOf(lab).kubeStateMetrics,
    probe: async lab => await probeInside(lab, addressesOf(lab).kubeStateMetrics),
    spec: lab => ({
      name: 'kube-state-metrics',
      image: 'kube-state-metrics',
      args: flags({
        kubeconfig: `${insideDir}/kubeconfig.yaml`,
        address: '0.0.0.0',
        port: insidePorts.kubeStateMetricsPort,
        telemetryPort: insidePorts.kubeStateMetricsTelemetryPort,
      }),
      mounts: [{ from: containerDir(lab, 'kube-state-metrics'), to: insideDir }],
      contents: writeContainerKubeconfig(lab, 'kube-state-metrics'),
      ready: () => acceptsInside(lab, addressesOf(lab).kubeStateMetrics),
      readyTimeoutMs: READY_TIMEOUT_MS,
    }),
  },
} as const satisfies Service

/** It lists every object before it is ready: with 10,000 pods that takes more than a minute on a busy machine. */
const READY_TIMEOUT_MS = 180_000

function flags(given: { kubeconfig: string; address: string; port: number; telemetryPort: number }): string[] {
  return [
    `--kubeconfig=${given.kubeconfig}`,
    `--host=${given.address}`,
    `--port=${given.port}`,
    `--telemetry-host=${given.address}`,
    `--telemetry-port=${given.telemetryPort}`,
    `--resources=${kinds().join(',')}`,
  ]
}

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
