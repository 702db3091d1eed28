import type { PortSetting } from '../system/ports.ts'
import { type Component, componentPorts } from './components.ts'
import { componentContainer, containerName } from './container-names.ts'
import type { Lab } from './lab.ts'
import { runtimeOf } from './runtime.ts'

/** The ports inside the lab's containers, by component, and by the setting with the port on this machine. */
export const insidePorts = {
  etcd: 2379,
  'kube-apiserver': 6443,
  'kube-controller-manager': 10257,
  'kube-scheduler': 10259,
  'kwok-controller': 10247,
  prometheusPort: 9090,
  grafanaPort: 3000,
  otlpGrpcPort: 4317,
  otlpHttpPort: 4318,
  statsProxyPort: 10250,
  kubeletProxyPort: 10251,
  metricsServerPort: 4443,
  kubeStateMetricsPort: 8080,
  kubeStateMetricsTelemetryPort: 8081,
  jaegerPort: 16686,
  jaegerOtlpPort: 4317,
  alertmanagerPort: 9093,
} as const satisfies Record<Component | PortSetting, number>

/**
 * The addresses by which the lab's parts reach each other, `host:port` each: on loopback, or on the network of the containers. `component`
 * needs a created cluster.
 */
export function addressesOf(lab: Lab) {
  const { clusterName, prometheusPort } = lab.settings
  // The runtime decides between loopback and the network of the containers.
  const isLocal = runtimeOf(lab) === 'binary'
  const at = (service: string, port: PortSetting) =>
    isLocal ? `127.0.0.1:${lab.settings[port]}` : `${containerName(clusterName, service)}:${insidePorts[port]}`
  return {
    component: (name: Component) =>
      isLocal
        ? `127.0.0.1:${componentPorts(lab)[name]}`
        : `${componentContainer(clusterName, name)}:${insidePorts[name]}`,
    /** Prometheus, for its scrape of itself. */
    prometheus: `127.0.0.1:${isLocal ? prometheusPort : insidePorts.prometheusPort}`,
    statsProxy: at('stats-proxy', 'statsProxyPort'),
    /** The proxy to the nodes' own addresses. */
    kubeletProxy: at('kubelet-gateway', 'kubeletProxyPort'),
    metricsServer: at('metrics-server', 'metricsServerPort'),
    kubeStateMetrics: at('kube-state-metrics', 'kubeStateMetricsPort'),
    kubeStateMetricsTelemetry: at('kube-state-metrics', 'kubeStateMetricsTelemetryPort'),
    /** The collector's OTLP receivers. */
    collectorGrpc: at('collector', 'otlpGrpcPort'),
    collectorHttp: at('collector', 'otlpHttpPort'),
    /** The URL of the OTLP/HTTP metrics endpoint that the collector sends to. */
    metricsUrl: isLocal
      ? `http://127.0.0.1:${prometheusPort}/api/v1/otlp/v1/metrics`
      : `http://${containerName(clusterName, 'lgtm')}:${insidePorts.otlpHttpPort}/v1/metrics`,
    jaegerOtlp: at('jaeger', 'jaegerOtlpPort'),
    alertmanager: at('alertmanager', 'alertmanagerPort'),
  }
}
