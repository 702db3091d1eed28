import { imageTags, versions } from './versions.ts'

/**
 * The images that the Docker runtime runs, as they are pinned: with the digest where it is known, else by tag alone. Written
 * out with their registry, so that no engine's own search list decides which one it is.
 */
export const pinnedImages = {
  etcd: `registry.k8s.io/etcd:${versions.etcd}-0`,
  'kube-apiserver': `registry.k8s.io/kube-apiserver:v${versions.kubernetes}`,
  'kube-controller-manager': `registry.k8s.io/kube-controller-manager:v${versions.kubernetes}`,
  'kube-scheduler': `registry.k8s.io/kube-scheduler:v${versions.kubernetes}`,
  kwok: `registry.k8s.io/kwok/kwok:v${versions.kwok}`,
  lgtm: `docker.io/grafana/otel-lgtm:${imageTags.lgtm}`,
  // The version of the binary runtime, with which its configuration is tried.
  otelcol: `docker.io/otel/opentelemetry-collector-contrib:${versions.otelcol}`,
  jaeger: `docker.io/jaegertracing/jaeger:${versions.jaeger}`,
  'metrics-server': `registry.k8s.io/metrics-server/metrics-server:v${versions.metricsServer}`,
  node: `docker.io/library/node:${imageTags.node}`,
} as const

/** The name of an image in the lab; with `_IMAGE`, of the variable that names another one. */
export type ImageName = keyof typeof pinnedImages
export const imageNames = Object.keys(pinnedImages) as ImageName[]

/** A reference without its digest: what an image that was built or loaded here can be called. */
export function withoutDigest(reference: string): string {
  return reference.replace(/@sha256:[0-9a-f]{64}$/, '')
}
