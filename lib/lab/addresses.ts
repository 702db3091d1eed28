import { type Component, componentPorts } from './components.ts'
import { componentContainer, containerName } from './container-names.ts'
import type { Lab } from './lab.ts'
import { runtimeOf } from './runtime.ts'

/** The ports of the parts inside the lab's containers. */
export const insidePorts = {
  etcd: 2379,
  'kube-apiserver': 6443,
  'kube-controller-manager': 10257,
  'kube-scheduler': 10259,
  'kwok-controller': 10247,
  prometheus: 9090,
  grafana: 3000,
  otlpGrpc: 4317,
  otlpHttp: 4318,
  statsProxy: 10250,
  kubeletProxy: 10251,
  metricsServer: 4443,
  kubeStateMetrics: 8080,
  kubeStateMetricsTelemetry: 8081,
  jaeger: 16686,
  alertmanager: 9093,
} as const

/**
 * The addresses by which the lab's parts reach each other, `host:port` each: on loopback, or on the network of the containers. `component`
 * needs a created cluster.
 */
export function addressesOf(lab: Lab) {
  const { clusterName, prometheusPort, statsProxyPort, kubeletProxyPort, metricsServerPort } = lab.settings
  const { kubeStateMetricsPort, kubeStateMetricsTelemetryPort } = lab.settings
  const { otlpGrpcPort, otlpHttpPort, jaegerOtlpPort, alertmanagerPort } = lab.settings
  // The runtime decides between loopback and the network of the containers.
  const isLocal = runtimeOf(lab) === 'binary'
  const at = (service: string, localPort: number, insidePort: number) =>
    isLocal ? `127.0.0.1:${localPort}` : `${containerName(clusterName, service)}:${insidePort}`
  return {
    component: (name: Component) =>
      isLocal
        ? `127.0.0.1:${componentPorts(lab)[name]}`
        : `${componentContainer(clusterName, name)}:${insidePorts[name]}`,
    /** Prometheus, for its scrape of itself. */
    prometheus: `127.0.0.1:${isLocal ? prometheusPort : insidePorts.prometheus}`,
    statsProxy: at('stats-proxy', statsProxyPort, insidePorts.statsProxy),
    /** The proxy to the nodes' own addresses. */
    kubeletProxy: at('kubelet-gateway', kubeletProxyPort, insidePorts.kubeletProxy),
    metricsServer: at('metrics-server', metricsServerPort, insidePorts.metricsServer),
    kubeStateMetrics: at('kube-state-metrics', kubeStateMetricsPort, insidePorts.kubeStateMetrics),
    kubeStateMetricsTelemetry: at(
      'kube-state-metrics',
      kubeStateMetricsTelemetryPort,
      insidePorts.kubeStateMetricsTelemetry,
    ),
    /** The collector's OTLP receivers. */
    collectorGrpc: at('collector', otlpGrpcPort, insidePorts.otlpGrpc),
    collectorHttp: at('collector', otlpHttpPort, insidePorts.otlpHttp),
    /** The URL of the OTLP/HTTP metrics endpoint that the collector sends to. */
    metricsUrl: isLocal
      ? `http://127.0.0.1:${prometheusPort}/api/v1/otlp/v1/metrics`
      : `http://${containerName(clusterName, 'lgtm')}:${insidePorts.otlpHttp}/v1/metrics`,
    jaegerOtlp: at('jaeger', jaegerOtlpPort, insidePorts.otlpGrpc),
    alertmanager: at('alertmanager', alertmanagerPort, insidePorts.alertmanager),
  }
}
