import { fields, items } from '../../kube/json.ts'

/** Volume plugins by the field of a volume. A Pod does not have the plugin of a claim's volume. */
const PLUGINS: Readonly<Record<string, PluginName>> = {
  configMap: 'kubernetes.io/configmap',
  persistentVolumeClaim: 'kubernetes.io/csi',
  ephemeral: 'kubernetes.io/csi',
  csi: 'kubernetes.io/csi',
  downwardAPI: 'kubernetes.io/downward-api',
  emptyDir: 'kubernetes.io/empty-dir',
  hostPath: 'kubernetes.io/host-path',
  projected: 'kubernetes.io/projected',
  secret: 'kubernetes.io/secret',
}

export const volumePlugins = [
  'kubernetes.io/configmap',
  'kubernetes.io/csi',
  'kubernetes.io/downward-api',
  'kubernetes.io/empty-dir',
  'kubernetes.io/host-path',
  'kubernetes.io/projected',
  'kubernetes.io/secret',
] as const
type PluginName = (typeof volumePlugins)[number]

/** In the order of the saved form: pods started, containers started, periodic syncs, evictions by signal, volumes mounted by plugin. */
export const WORK = ['pods', 'containers', 'syncs', 'memory.available', 'nodefs.available', ...volumePlugins] as const

/** What a kubelet has done for a pod, or for several. */
export type KubeletWork = Readonly<Record<(typeof WORK)[number], number>>

/** A kubelet syncs each pod about once a minute. */
const SYNC_MS = 60_000
const MAX_SHARED = 1_000

/** No work, or these numbers in the order of `WORK`. */
export function kubeletWork(numbers: readonly number[] = []): KubeletWork {
  return Object.fromEntries(WORK.map((name, index) => [name, numbers[index] ?? 0])) as KubeletWork
}

/** The work for a Pod of the API that has started, without the syncs. */
export function workForPod(spec: Record<string, unknown>, status: Record<string, unknown>): KubeletWork {
  const work: Record<string, number> = { ...kubeletWork(), pods: 1 }
  const count = (name: string, number = 1) => {
    work[name] = (work[name] ?? 0) + number
  }
  count('containers', items(spec.containers).length)
  for (const each of items(status.containerStatuses)) {
    const { restartCount } = fields(each)
    if (typeof restartCount === 'number' && restartCount > 0) count('containers', restartCount)
  }
  for (const volume of items(spec.volumes)) {
    const plugin = Object.keys(fields(volume)).find(field => Object.hasOwn(PLUGINS, field))
    if (plugin !== undefined) count(PLUGINS[plugin] ?? '')
  }
  if (status.reason === 'Evicted')
    count(/storage|inodes/.test(String(status.message)) ? 'nodefs.available' : 'memory.available')
  return shared(work as KubeletWork)
}

/** One object for all pods of the same work: a large cluster has few that differ. */
const sharedWork = new Map<string, KubeletWork>()

function shared(work: KubeletWork): KubeletWork {
  const key = Object.values(work).join()
  const known = sharedWork.get(key)
  if (known !== undefined) return known
  if (sharedWork.size >= MAX_SHARED) sharedWork.clear()
  sharedWork.set(key, work)
  return work
}

/** The sum of each kind of work. */
export function sumOfWork(parts: Iterable<KubeletWork>): KubeletWork {
  const sum: Record<string, number> = { ...kubeletWork() }
  for (const part of parts) for (const name of WORK) sum[name] = (sum[name] ?? 0) + part[name]
  return sum as KubeletWork
}

/** The larger number of each kind, `before` itself if none is larger: work that has been done stays done, even if a status is reset. */
export function largerWork(before: KubeletWork, now: KubeletWork): KubeletWork {
  if (before === now || WORK.every(name => now[name] <= before[name])) return before
  return kubeletWork(WORK.map(name => Math.max(before[name], now[name])))
}

/** The work for a pod at a time, with the syncs since its start. */
export function workAt(pod: { work: KubeletWork; startMs: number; endMs?: number }, nowMs: number): KubeletWork {
  return { ...pod.work, syncs: Math.floor(Math.max(0, (pod.endMs ?? nowMs) - pod.startMs) / SYNC_MS) }
}
