import { join } from 'node:path'
import { stringify } from 'yaml'
import { goDuration } from '../cli/settings.ts'
import { fields, items, merged, text } from '../kube/json.ts'
import { kubectlCommand } from '../lab/kubectl.ts'
import { type Lab, projectDir } from '../lab/lab.ts'
import { imageOf } from '../lab/lab-images.ts'
import { $ } from '../system/run.ts'
import { readYamlDocuments } from '../system/yaml-files.ts'
import { ensureRelease } from './helm.ts'

/** The Helm releases of the collectors: one reads the cluster's API, one runs on each node. */
export const releases = ['otel-lab-deployment', 'otel-lab-daemonset'] as const
export type Release = (typeof releases)[number]

/** The first minor version of Kubernetes whose kubelets serve `/pods` without `nodes/proxy` (KubeletFineGrainedAuthz). */
const PODS_READABLE_SINCE = 33

/** The parameters of a chart's values. */
export interface ValuesInput {
  image: string
  clusterName: string
  intervalMs: number
  insecureTls: boolean
  /** Whether the kubelets support `nodes/pods`. Without it, volumes have no PVC names. */
  podsReadable: boolean
}

/** The values of a chart: `base` with image, cluster name, interval and the kubelet receiver's options. */
export function collectorValues(base: unknown, given: ValuesInput): string {
  const config = fields(fields(base)['alternateConfig'])
  const receivers = Object.entries(fields(config['receivers'])).map(([name, receiver]) => {
    const own = fields(receiver)
    const every = 'collection_interval' in own ? { ...own, collection_interval: goDuration(given.intervalMs) } : own
    return [name, name === 'kubelet_stats' ? kubeletReceiver(every, given) : every]
  })
  const { metrics } = fields(fields(config['service'])['telemetry'])
  const readers = items(fields(metrics)['readers']).map(reader =>
    merged(reader, { periodic: { interval: given.intervalMs } }),
  )
  const attributes = [{ key: 'k8s.cluster.name', action: 'upsert', value: given.clusterName }]
  const filled = merged(base, {
    alternateConfig: {
      processors: { 'resource/cluster': { attributes } },
      service: { telemetry: { resource: { 'k8s.cluster.name': given.clusterName }, metrics: { readers } } },
    },
  })
  Object.assign(fields(filled['alternateConfig']), { receivers: Object.fromEntries(receivers) })
  return stringify({ ...filled, image: imageValues(given.image) })
}

/** Installs or upgrades both collectors; returns the changed releases. */
export async function applyCollectors(lab: Lab, say: (text: string) => void): Promise<Release[]> {
  const minor = await minorVersion(lab)
  const podsReadable = minor >= PODS_READABLE_SINCE
  if (!podsReadable) {
    say(
      `Kubernetes before 1.${PODS_READABLE_SINCE} requires nodes/proxy to read a kubelet's /pods, and this is 1.${minor}: PVC names are missing`,
    )
  }
  const input: ValuesInput = {
    image: imageOf(lab, 'otelcol'),
    clusterName: lab.settings.clusterName,
    intervalMs: lab.settings.collectionInterval,
    insecureTls: lab.settings.kubeletInsecureTls,
    podsReadable,
  }
  const changed: Release[] = []
  for (const release of releases) {
    const file = join(projectDir, 'k3d-config', `${release.replace('otel-lab', 'otel-collector')}.values.yaml`)
    if (await ensureRelease(lab, release, collectorValues(readYamlDocuments(file)[0], input))) changed.push(release)
  }
  return changed
}

/** An image reference as values of the chart. An empty tag would select the chart's default. */
export function imageValues(reference: string): Record<string, string> {
  const [, repository = '', tag, digest] = /^(.+?)(?::([^:/@]+))?(?:@(.+))?$/.exec(reference) ?? []
  return { repository, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) }
}

function kubeletReceiver(
  { extra_metadata_labels: labels, ...receiver }: Record<string, unknown>,
  { insecureTls, podsReadable }: ValuesInput,
): Record<string, unknown> {
  const filled = { ...receiver, insecure_skip_verify: insecureTls }
  return podsReadable ? { ...filled, extra_metadata_labels: labels } : filled
}

/** The minor version of the cluster's API server: 36 for v1.36.3+k3s1. */
async function minorVersion(lab: Lab): Promise<number> {
  const { stdout } = await $`${await kubectlCommand(lab)} version -o json`
  return Number.parseInt(text(fields(fields(JSON.parse(stdout))['serverVersion'])['minor']) ?? '', 10)
}
