import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { goDuration } from '../cli/settings.ts'
import { imageOf } from '../docker/images.ts'
import { fields, text } from '../kube/json.ts'
import { kubectl } from '../lab/kubectl.ts'
import { type Lab, projectDir } from '../lab/lab.ts'
import { ensureRelease } from './helm.ts'

/** The collectors, each a Helm release: what the cluster's API tells, and what each node tells. */
export const releases = ['otel-lab-deployment', 'otel-lab-daemonset'] as const
export type Release = (typeof releases)[number]

/** The first Kubernetes whose kubelets let read pods without the right to run commands in them (KubeletFineGrainedAuthz). */
export const PODS_READABLE_SINCE = 33

/** What values are made with. */
export interface ValuesInput {
  image: string
  clusterName: string
  intervalMs: number
  insecureTls: boolean
  /** Whether the kubelets know nodes/pods; without it, which claim a volume is can't be told. */
  podsReadable: boolean
}

/** A chart's values: the base with cluster, interval, and how kubelets are asked filled in. */
export function collectorValues(base: string, given: ValuesInput): string {
  const values = fields(parse(base))
  const config = fields(values['alternateConfig'])
  const service = fields(config['service'])
  const telemetry = fields(service['telemetry'])
  const metrics = fields(telemetry['metrics'])
  const cluster = { attributes: [{ key: 'k8s.cluster.name', action: 'upsert', value: given.clusterName }] }
  const receivers = Object.entries(fields(config['receivers'])).map(([name, receiver]) => {
    const own = fields(receiver)
    const every = 'collection_interval' in own ? { ...own, collection_interval: goDuration(given.intervalMs) } : own
    return [name, name === 'kubelet_stats' ? kubeletReceiver(every, given) : every]
  })
  const { exporter } = fields(fields((metrics['readers'] as unknown[] | undefined)?.[0])['periodic'])
  return stringify({
    ...values,
    image: imageValues(given.image),
    alternateConfig: {
      ...config,
      receivers: Object.fromEntries(receivers),
      processors: { ...fields(config['processors']), 'resource/cluster': cluster },
      service: {
        ...service,
        telemetry: {
          ...telemetry,
          resource: { ...fields(telemetry['resource']), 'k8s.cluster.name': given.clusterName },
          metrics: { ...metrics, readers: [{ periodic: { interval: given.intervalMs, exporter } }] },
        },
      },
    },
  })
}

/** Installs both collectors, or changes them; the releases that this changed. */
export async function applyCollectors(lab: Lab, say: (text: string) => void): Promise<Release[]> {
  const minor = await minorVersion(lab)
  const podsReadable = minor >= PODS_READABLE_SINCE
  if (!podsReadable) {
    say(
      `Kubernetes 1.${minor} lets nobody read a kubelet's pods who may not run commands in them (1.${PODS_READABLE_SINCE} does): which claim a volume is will be missing`,
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
    if (await ensureRelease(lab, release, collectorValues(readFileSync(file, 'utf8'), input))) changed.push(release)
  }
  return changed
}

/** An image's reference in the parts that the chart wants; an empty tag would be the chart's own. */
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

/** The minor version of the cluster's API server: 36 of v1.36.3+k3s1. */
async function minorVersion(lab: Lab): Promise<number> {
  const { stdout } = await kubectl(lab, ['version', '-o', 'json'])
  return Number.parseInt(text(fields(fields(JSON.parse(stdout))['serverVersion'])['minor']) ?? '', 10)
}
