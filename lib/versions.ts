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
  jaeger: '2.0.0-rc2',
  metricsServer: '0.9.0',
  helm: '3.22.0',
  k3d: '5.9.0',
  // The Helm chart of the OpenTelemetry Collector.
  otelChart: '0.170.0',
  // That of @grafana/data, so that the lab's own page and Grafana mean the same.
  grafana: '13.2.3',
} as const

/** What the addresses of releases have besides the version. */
export const releaseTags = {
  // Jaeger 2 was released under the tag of the version 1 beside it, 2.0.0 with 1.63.0; that is its Go module's version too.
  jaeger: '1.62.0',
  // The run of Grafana's release workflow that made the pinned version.
  grafanaBuild: '36482603486',
} as const

/** Tags of images that are no program of the list above. A digest only where two sources give it for the index, not one platform. */
export const imageTags = {
  lgtm: '0.28.0',
  // The image of the k3d cluster's nodes: the one that the pinned k3d takes by itself.
  k3s: 'v1.35.5-k3s1',
  node: '20.20.2-bookworm-slim',
} as const

/** The oldest tools of the machine that the lab works with. Node.js's stands in package.json too (a test compares). */
export const oldestTools = { node: '20.18.1', go: '1.26' } as const
