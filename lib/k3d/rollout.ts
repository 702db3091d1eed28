import { LabError } from '../cli/errors.ts'
import { formatElapsed } from '../cli/progress.ts'
import { fields, items, text, timeMs } from '../kube/json.ts'
import { getCollection } from '../lab/kubectl.ts'
import type { Lab } from '../lab/lab.ts'
import { waitUntil } from '../system/wait.ts'
import { labNamespace } from './agreement.ts'

/** The waiting reasons of containers that do not start by themselves. */
const STUCK =
  /^(ImagePullBackOff|ErrImagePull|InvalidImageName|ErrImageNeverPull|CrashLoopBackOff|CreateContainer(Config)?Error|RunContainerError)$/

/** The time limit for these reasons: a registry may recover, or a missing object may be created. */
const STUCK_MS = 60_000
const ROLLOUT_MS = 600_000

/** How to choose images. */
const IMAGES = 'docs/in-cluster.md#images, docs/runtimes.md#images'

/**
 * The rollout of an instance, from its Deployments, DaemonSets, StatefulSets and pods in the API's form: the numbers of wanted and ready pods, whether all
 * wanted ones have the newest template, and why pods wait.
 */
export function rolloutOf(workloads: readonly unknown[], pods: readonly unknown[]) {
  let [wanted, ready, isCurrent] = [0, 0, workloads.length > 0]
  for (const workload of workloads) {
    const { metadata, spec, status, kind } = fields(workload)
    const now = fields(status)
    const count = (name: string) => Number(now[name] ?? 0)
    const isDaemonSet = kind === 'DaemonSet'
    const wants = isDaemonSet ? count('desiredNumberScheduled') : Number(fields(spec)['replicas'] ?? 1)
    const updated = count(isDaemonSet ? 'updatedNumberScheduled' : 'updatedReplicas')
    const all = isDaemonSet ? count('currentNumberScheduled') : count('replicas')
    wanted += wants
    ready += count(isDaemonSet ? 'numberAvailable' : 'availableReplicas')
    isCurrent &&=
      count('observedGeneration') >= Number(fields(metadata)['generation']) && updated === wants && all === wants
    // A new DaemonSet has no desired number until its controller sets it.
    isCurrent &&= !isDaemonSet || 'desiredNumberScheduled' in now
  }
  const waiting = pods.flatMap(pod => {
    const { metadata, status } = fields(pod)
    const name = text(fields(metadata)['name']) ?? ''
    const { initContainerStatuses, containerStatuses } = fields(status)
    const states = [...items(initContainerStatuses), ...items(containerStatuses)].map(each =>
      fields(fields(fields(each)['state'])['waiting']),
    )
    const unscheduled = items(fields(status)['conditions'])
      .map(fields)
      .filter(({ type, status: state }) => type === 'PodScheduled' && state === 'False')
    return [...states, ...unscheduled].flatMap(({ reason, message }) =>
      text(reason) === undefined ? [] : [{ pod: name, reason: String(reason), message: text(message) ?? '' }],
    )
  })
  return { wanted, ready, isCurrent, waiting }
}

/** Reads the rollout of an instance, by its label, from the API. */
export async function readRollout(lab: Lab, instance: string, namespace: string = labNamespace) {
  const list = (api: string, kind: string) =>
    getCollection(lab, `${api}/namespaces/${namespace}/${kind}?labelSelector=app.kubernetes.io/instance%3D${instance}`)
  const workloads = ['Deployment', 'DaemonSet', 'StatefulSet'].map(async kind =>
    (await list('/apis/apps/v1', `${kind.toLowerCase()}s`)).map(each => ({ ...each, kind })),
  )
  return rolloutOf((await Promise.all(workloads)).flat(), await list('/api/v1', 'pods'))
}

/**
 * Waits until every pod of an instance is ready and has the newest template.
 *
 * Throws a LabError with a pod's waiting reason and its last events, when a pod is stuck for a minute or at the time limit.
 */
export async function waitForRollout(lab: Lab, instance: string, namespace: string = labNamespace): Promise<void> {
  let stuckSinceMs = Number.POSITIVE_INFINITY
  let waitingPod: string | undefined
  const notReady = async (title: string, seen: string) => {
    const what = /: CrashLoopBackOff/.test(seen) ? 'logs --prefix --all-containers' : 'describe pods'
    const describe = `kubectl --context ${lab.context} -n ${namespace} ${what} -l app.kubernetes.io/instance=${instance}`
    return new LabError(title, {
      why: [seen, ...(waitingPod === undefined ? [] : await lastEvents(lab, waitingPod, namespace))].join('\n    '),
      next: /: (ErrImage|ImagePull|InvalidImage)/.test(seen)
        ? `choose an image that the cluster can pull: ${IMAGES}; or ${describe}`
        : describe,
    })
  }
  await waitUntil<void>({
    what: instance,
    timeoutMs: ROLLOUT_MS,
    everyMs: 1_000,
    check: async () => {
      const { wanted, ready, isCurrent, waiting } = await readRollout(lab, instance, namespace)
      if (isCurrent && ready >= wanted) return { done: undefined }
      const stuck = waiting.find(({ reason }) => STUCK.test(reason))
      stuckSinceMs = stuck === undefined ? Number.POSITIVE_INFINITY : Math.min(stuckSinceMs, Date.now())
      const first = stuck ?? waiting[0]
      waitingPod = first?.pod
      const seen = first === undefined ? [] : [`${first.pod}: ${first.reason} ${first.message}`.trim()]
      if (Date.now() - stuckSinceMs > STUCK_MS)
        return { failed: await notReady(`${instance} is not ready`, seen.join()) }
      return { pending: [...seen, `${ready} of ${wanted} pods are ready`].join('; ') }
    },
    progress: instance,
    onTimeout: async seen => {
      throw await notReady(`${instance} is not ready after ${formatElapsed(ROLLOUT_MS)}`, seen)
    },
  })
}

/** The last events of a pod, the newest last. */
async function lastEvents(lab: Lab, pod: string, namespace: string): Promise<string[]> {
  const path = `/api/v1/namespaces/${namespace}/events?fieldSelector=involvedObject.name%3D${pod}`
  const events = await getCollection(lab, path).catch(() => [])
  const sorted = events.sort((a, b) => (timeMs(a['lastTimestamp']) ?? 0) - (timeMs(b['lastTimestamp']) ?? 0))
  return sorted.slice(-4).map(({ type, reason, message }) => `${type} ${reason}: ${message}`)
}
