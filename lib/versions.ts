/**
 * The versions the lab is made of, each stated once. A newer one is a change here and, for the programs, in the Go pins
 * under kwok-config/go/ (a test compares the two).
 */
export const versions = {
  kwok: '0.8.0',
  kubernetes: '1.36.3',
  etcd: '3.6.16',
  prometheus: '3.8.1',
  otelcol: '0.149.0',
  // Released together with 1.62.0, and built from that module.
  jaeger: '2.0.0-rc2',
  metricsServer: '0.9.0',
  helm: '3.22.0',
  k3d: '5.9.0',
  // The Helm chart of the OpenTelemetry Collector.
  otelChart: '0.170.0',
  // That of @grafana/data, so that the lab's own page and Grafana mean the same.
  grafana: '13.2.3',
} as const

/** Tags of images that are no program of the list above; with the digest, where somebody has seen that it is the right one. */
export const imageTags = {
  lgtm: '0.28.0@sha256:74bd8c8be4344dd51fb76f2030522e5c886bc585d4e965234a68b49960c98c5e',
  node: '20.20.2-bookworm-slim',
} as const

/** The oldest tools of the machine that the lab works with. Node.js's stands in package.json too (a test compares). */
export const oldestTools = { node: '20.18.1', go: '1.26' } as const
