import { UsageError } from '../cli/errors.ts'
import { imageTags, versions } from '../programs/versions.ts'

/**
 * The images of the Docker runtime, by tag, or by digest where the index's is known. Each name has its registry, so that it does not
 * depend on an engine's search list.
 */
export const pinnedImages = {
  // etcd's own registry: registry.k8s.io has only versions that were promoted manually.
  etcd: `quay.io/coreos/etcd:v${versions.etcd}`,
  'kube-apiserver': `registry.k8s.io/kube-apiserver:v${versions.kubernetes}`,
  'kube-controller-manager': `registry.k8s.io/kube-controller-manager:v${versions.kubernetes}`,
  'kube-scheduler': `registry.k8s.io/kube-scheduler:v${versions.kubernetes}`,
  kwok: `registry.k8s.io/kwok/kwok:v${versions.kwok}`,
  lgtm: `docker.io/grafana/otel-lgtm:${imageTags.lgtm}`,
  // The version of the binary runtime, with which its configuration is tried.
  otelcol: `docker.io/otel/opentelemetry-collector-contrib:${versions.otelcol}`,
  jaeger: `docker.io/jaegertracing/jaeger:${versions.jaeger}`,
  alertmanager: `quay.io/prometheus/alertmanager:v${versions.alertmanager}`,
  'metrics-server': `registry.k8s.io/metrics-server/metrics-server:v${versions.metricsServer}`,
  'kube-state-metrics': `registry.k8s.io/kube-state-metrics/kube-state-metrics:v${versions.kubeStateMetrics}`,
  node: `docker.io/library/node:${imageTags.node}`,
} as const

/** The lab's word for an image. In capitals with `_IMAGE` it is the variable that selects another one. */
export type ImageName = keyof typeof pinnedImages
export const imageNames = Object.keys(pinnedImages) as ImageName[]

/** A reference without its digest: the name of an image that was built or loaded on this machine. */
export function withoutDigest(reference: string): string {
  return reference.replace(/@sha256:[0-9a-f]{64}$/, '')
}

/** The variable that selects another image: `ETCD_IMAGE`, `KUBE_APISERVER_IMAGE`. */
export function imageVariable(name: string): string {
  return `${name.replaceAll('-', '_').toUpperCase()}_IMAGE`
}

/**
 * The reference of each image for a new lab: from its variable, else as pinned, at the mirror that `IMAGE_PREFIX` names
 * (`mirror.example/lab` replaces the registry: `mirror.example/lab/grafana/otel-lgtm:...`).
 *
 * Throws a UsageError for a variable that is not the name of an image.
 */
export function chosenImages(env: NodeJS.ProcessEnv): Record<ImageName, string> {
  const prefix = imagePrefix(env)
  const entries = imageNames.map(name => {
    const variable = imageVariable(name)
    const chosen = env[variable] ?? ''
    requireReference(variable, chosen)
    return [name, chosen === '' ? atPrefix(pinnedImages[name], prefix) : chosen]
  })
  return Object.fromEntries(entries) as Record<ImageName, string>
}

/** `IMAGE_PREFIX` without a slash at its end; empty when it is not set. Throws a UsageError when it is not the name of a mirror. */
export function imagePrefix(env: NodeJS.ProcessEnv): string {
  const prefix = (env['IMAGE_PREFIX'] ?? '').replace(/\/+$/, '')
  requireReference('IMAGE_PREFIX', prefix)
  return prefix
}

/** An image at a mirror: the prefix replaces the registry. An empty prefix changes nothing. */
export function atPrefix(reference: string, prefix: string): string {
  if (prefix === '') return reference
  // The rule of the engines: the first part is a registry when it looks like a host.
  const path = reference.replace(/^(?:[^/]*[.:][^/]*|localhost)\//, '')
  return `${prefix}/${path}`
}

function requireReference(variable: string, text: string): void {
  if (text === '' || /^[a-zA-Z0-9][\w.:/@-]*$/.test(text)) return
  throw new UsageError(`${variable}=${text} is invalid`, {
    why: 'it must be the name of an image, such as mirror.example/otel-lgtm:0.34.0',
    next: `set ${variable} to another value`,
  })
}
