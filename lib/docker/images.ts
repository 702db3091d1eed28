import { UsageError } from '../cli/errors.ts'
import { type Lab, readRecord } from '../lab/lab.ts'
import { imageTags, versions } from '../programs/versions.ts'

/**
 * The images that the Docker runtime runs, by tag, or by digest where the index's is known. Written out with their registry, so that no
 * engine's own search list decides which one it is.
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

/** The variable that names another image: `ETCD_IMAGE`, `KUBE_APISERVER_IMAGE`. */
export function imageVariable(name: ImageName): string {
  return `${name.replaceAll('-', '_').toUpperCase()}_IMAGE`
}

/**
 * What each image is called where the lab is made: as its variable says, else as it is pinned, at a mirror when `IMAGE_PREFIX`
 * names one (`mirror.example/lab` stands in the place of the registry: `mirror.example/lab/grafana/otel-lgtm:...`).
 *
 * Throws a UsageError for a variable that holds no image's name.
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

/** `IMAGE_PREFIX` without a slash at its end; empty when none is set. Throws a UsageError where it is none. */
export function imagePrefix(env: NodeJS.ProcessEnv): string {
  const prefix = (env['IMAGE_PREFIX'] ?? '').replace(/\/+$/, '')
  requireReference('IMAGE_PREFIX', prefix)
  return prefix
}

/** An image at the mirror: the prefix in the place of the registry. An empty prefix changes nothing. */
export function atPrefix(reference: string, prefix: string): string {
  if (prefix === '') return reference
  // As engines read it: the first part is a registry when it looks like a host.
  const path = reference.replace(/^(?:[^/]*[.:][^/]*|localhost)\//, '')
  return `${prefix}/${path}`
}

/** What an image of a lab is called: as it was when the lab was created, else as it is chosen now. */
export function imageOf(lab: Lab, name: ImageName): string {
  return readRecord(lab.dir)?.images?.[name] ?? chosenImages(process.env)[name]
}

function requireReference(variable: string, text: string): void {
  if (text === '' || /^[a-zA-Z0-9][\w.:/@-]*$/.test(text)) return
  throw new UsageError(`${variable}=${text} is refused`, {
    why: 'it must be the name of an image, such as mirror.example/otel-lgtm:0.34.0',
    next: `set ${variable} to another value`,
  })
}
