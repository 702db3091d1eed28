import { type Component, componentPorts } from './components.ts'
import { componentContainer, containerName } from './container-names.ts'
import type { Lab } from './lab.ts'
import { runtimeOf } from './runtime.ts'

/** The addresses by which the lab's parts reach each other, `host:port` each: on loopback, or on the network of the containers. */
export interface Addresses {
  component: (name: Component) => string
  /** Prometheus, for its scrape of itself. */
  prometheus: string
  statsProxy: string
  metricsServer: string
  /** The collector's OTLP receivers. */
  collectorGrpc: string
  collectorHttp: string
  /** The URL of the OTLP/HTTP metrics endpoint that the collector sends to. */
  metricsUrl: string
  jaegerOtlp: string
}

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
  metricsServer: 4443,
  jaeger: 16686,
} as const

/** The addresses of a lab. `component` needs a created cluster. */
export function addressesOf(lab: Lab): Addresses {
  const { clusterName, prometheusPort, statsProxyPort, metricsServerPort, otlpGrpcPort, otlpHttpPort, jaegerOtlpPort } =
    lab.settings
  // The runtime decides between loopback and the network of the containers.
  if (runtimeOf(lab) === 'binary') {
    const local = (port: number) => `127.0.0.1:${port}`
    return {
      component: name => local(componentPorts(lab)[name]),
      prometheus: local(prometheusPort),
      statsProxy: local(statsProxyPort),
      metricsServer: local(metricsServerPort),
      collectorGrpc: local(otlpGrpcPort),
      collectorHttp: local(otlpHttpPort),
      metricsUrl: `http://${local(prometheusPort)}/api/v1/otlp/v1/metrics`,
      jaegerOtlp: local(jaegerOtlpPort),
    }
  }
  const at = (service: string, port: number) => `${containerName(clusterName, service)}:${port}`
  return {
    component: name => `${componentContainer(clusterName, name)}:${insidePorts[name]}`,
    prometheus: `127.0.0.1:${insidePorts.prometheus}`,
    statsProxy: at('stats-proxy', insidePorts.statsProxy),
    metricsServer: at('metrics-server', insidePorts.metricsServer),
    collectorGrpc: at('collector', insidePorts.otlpGrpc),
    collectorHttp: at('collector', insidePorts.otlpHttp),
    metricsUrl: `http://${at('lgtm', insidePorts.otlpHttp)}/v1/metrics`,
    jaegerOtlp: at('jaeger', insidePorts.otlpGrpc),
  }
}
