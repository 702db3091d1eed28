import { addressesOf, insidePorts } from '../lab/addresses.ts'
import { kubeconfigPath } from '../lab/kubeconfig.ts'
import type { Lab } from '../lab/lab.ts'
import { hasPrometheusMetrics } from '../lab/metrics-dialects.ts'
import { programPath } from '../programs/programs.ts'
import { isOk, probe } from '../system/probe.ts'
import { acceptsInside, probeInside } from './container-services.ts'
import { containerDir, insideDir, writeContainerKubeconfig } from './container-user.ts'
import type { Service } from './service.ts'

/** The kinds that it lists: all of its default kinds but secrets, which no part of the lab may read. */
const KINDS = [
  ...[
    'certificatesigningrequests',
    'configmaps',
    'cronjobs',
    'daemonsets',
    'deployments',
    'endpoints',
    'endpointslices',
  ],
  ...['horizontalpodautoscalers', 'ingresses', 'jobs', 'leases', 'limitranges', 'mutatingwebhookconfigurations'],
  ...['namespaces', 'networkpolicies', 'nodes', 'persistentvolumeclaims', 'persistentvolumes', 'poddisruptionbudgets'],
  ...['pods', 'replicasets', 'replicationcontrollers', 'resourcequotas', 'serviceaccounts', 'services', 'statefulsets'],
  ...['storageclasses', 'validatingwebhookconfigurations', 'volumeattachments'],
]

/** kube-state-metrics, for METRICS=prometheus and METRICS=both: the state of the cluster's objects as metrics. */
export const kubeStateMetrics = {
  name: 'kube-state-metrics',
  process: {
    isWanted: hasPrometheusMetrics,
    ports: ['kubeStateMetricsPort', 'kubeStateMetricsTelemetryPort'],
    probe: async lab => await probe({ url: readyUrl(lab) }),
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
        port: insidePorts.kubeStateMetrics,
        telemetryPort: insidePorts.kubeStateMetricsTelemetry,
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
    `--resources=${KINDS.join(',')}`,
  ]
}

function readyUrl(lab: Lab): string {
  return `http://127.0.0.1:${lab.settings.kubeStateMetricsTelemetryPort}/readyz`
}
