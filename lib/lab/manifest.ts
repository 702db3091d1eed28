import { UsageError } from '../cli/errors.ts'
import { fields, merged, text } from '../kube/json.ts'
import { readYamlDocuments } from '../system/yaml-files.ts'

/** The label of the objects that the lab creates, as a selector and as an object. */
export const managedBy = 'app.kubernetes.io/managed-by=kube-otel-lab'
export const managedLabel = { 'app.kubernetes.io/managed-by': 'kube-otel-lab' }

/** The annotation of what a scenario touches: the scenario's name. */
export const scenarioAnnotation = 'kube-otel-lab/scenario'
/** When a scenario started (ISO 8601), where what the stats proxy serves depends on it. */
export const scenarioStartAnnotation = 'kube-otel-lab/scenario-start'
/** The scenarios of a node whose kubelet and node exporter refuse connections. */
export const [nodeUnreachable, nodeScrapesRefused] = ['node-unreachable', 'node-scrapes-refused'] as const
/** Of a node whose kubelet and node exporter accept requests, and do not answer. */
export const kubeletSlow = 'kubelet-slow'
/** Of a node whose network has errors. */
export const networkErrors = 'network-errors'
/** Of a node whose kubelet's certificates expire. */
export const kubeletCertificates = 'kubelet-certificates'
/** Of a pod whose claims are full: of bytes, of inodes; and one whose claims get full. */
export const [volumeFull, volumeInodesFull, volumeFilling] = [
  'volume-full',
  'volume-inodes-full',
  'volume-filling',
] as const
/** Scenarios of a Service, of which the trace simulator knows. */
export const [serviceSlow, serviceFailing, trafficSurge] = ['service-slow', 'service-failing', 'traffic-surge'] as const

/** The scenario that an object is annotated with. */
export function scenarioOf(object: unknown): string | undefined {
  return text(fields(fields(fields(object)['metadata'])['annotations'])[scenarioAnnotation])
}

/** Whether a scenario of a node lets its kubelet and node exporter not answer. */
export function refusesScrapes(scenario: string | undefined): boolean {
  return scenario === nodeUnreachable || scenario === nodeScrapesRefused || scenario === kubeletSlow
}

/** Whether an object of the API has that label. */
export function isManaged(object: unknown): boolean {
  const labels = fields(fields(fields(object)['metadata'])['labels'])
  return Object.entries(managedLabel).every(([name, value]) => labels[name] === value)
}

/** A manifest, with the fields that the lab reads. */
export interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> }
  [field: string]: unknown
}

/**
 * Reads the manifest of one object from a YAML file.
 *
 * Throws a UsageError with the file, and the line of a syntax error, when it cannot be read or has another kind or no name.
 */
export function readManifest(file: string, kind: string): Manifest {
  const [document, ...others] = readYamlDocuments(file)
  const object = fields(document)
  if (object['kind'] !== kind || others.length > 0) {
    const found = text(object['kind']) ?? 'nothing with a kind'
    throw new UsageError(`${file} is not a ${kind}`, {
      why: others.length > 0 ? `it has ${others.length + 1} documents` : `it is ${found}`,
      next: `put one ${kind} into ${file}`,
    })
  }
  if (text(fields(object['metadata'])['name']) === undefined) {
    throw new UsageError(`${file} has no metadata.name`, { next: `give the ${kind} in ${file} a name` })
  }
  return object as unknown as Manifest
}

/** A copy of a manifest with changes, as in `merged`. */
export function mergedManifest(manifest: Manifest, changes: Readonly<Record<string, unknown>>): Manifest {
  return merged(manifest, changes) as unknown as Manifest
}
