/**
 * The versions the lab is made of, each stated once. `npx tsx tasks/update-version.ts <program> <version>` writes a newer one here, into
 * the Go pins under kwok-config/go/ and into lib/programs/checksums.json (tests compare them).
 */
export const versions = {
  kwok: '0.8.0',
  kubernetes: '1.37.2',
  etcd: '3.6.16',
  prometheus: '3.16.0',
  // From 0.32 on its Go module lacks the web page, and does not compile without it.
  alertmanager: '0.31.1',
  otelcol: '0.161.0',
  jaeger: '2.13.0',
  metricsServer: '0.9.0',
  kubeStateMetrics: '2.18.0',
  helm: '3.22.0',
  k3d: '5.9.0',
  // The Helm chart of the OpenTelemetry Collector.
  otelChart: '0.170.0',
  // That of @grafana/data, so that the lab's own page and Grafana mean the same.
  grafana: '13.2.3',
} as const

/** The run of Grafana's release workflow that made the pinned version: it stands in the names of its files. */
export const grafanaBuild = '36482603486'

/** Tags of images that are no program of the list above. A digest only where two sources give it for the index, not one platform. */
export const imageTags = {
  lgtm: '0.34.0',
  node: '24.21.0-bookworm-slim',
} as const

/** The oldest tools of the machine that the lab works with. Node.js's stands in package.json too (a test compares). */
export const oldestTools = { node: '20.18.1', go: '1.26' } as const
