import { apiTime, fields, items, text, timeMs } from '../kube/json.ts'
import { annotatedScenario, HOLD_MS } from './annotated-scenario.ts'
import {
  type ContainerBefore,
  type ContainerStatus,
  type Failure,
  failedContainer,
  healedContainer,
} from './container-failure.ts'
import { patch, type Scenario, type ScenarioRun, writeEvent } from './scenario.ts'

interface Held {
  before: ContainerBefore
  node: string
}

/** A pod as the object of a scenario, until it is deleted or ends. */
export const runningPod = {
  path: podPath,
  goneText: ({ target }: ScenarioRun) => `The pod ${target} was deleted or has ended`,
  hasEnded: (pod: unknown) => fields(fields(pod)['metadata'])['deletionTimestamp'] !== undefined || !isRunning(pod),
}

/** Scenarios of one container of a running pod: the holder writes the pod's status and events as its kubelet would. */
export const podScenarios: readonly Scenario[] = [
  {
    name: 'crash-loop',
    does: 'The first container ends with exit code 1 five seconds after each start. The back-off doubles from 10 s to 5 min.',
    effect: '7 s (CrashLoopBackOff)',
    shows:
      'Restarts grow, the pod is not ready between its runs, and the counters of the container begin again with each run.',
    alerts: { otel: ['KubeContainerRestarting'], prometheus: ['KubePodCrashLooping'] },
    ...containerScenario({ kind: 'crash', reason: 'Error', exitCode: 1, runMs: 5_000 }),
  },
  {
    name: 'oom-kill',
    does: 'The first container is killed for its memory (OOMKilled, exit code 137) 25 s after each start. The back-off doubles from 10 s to 5 min.',
    effect: '27 s (CrashLoopBackOff)',
    shows: 'As crash-loop, with the reason OOMKilled. The memory before each end is that of the usage model.',
    alerts: { otel: ['KubeContainerRestarting'], prometheus: ['KubePodCrashLooping'] },
    ...containerScenario({ kind: 'crash', reason: 'OOMKilled', exitCode: 137, runMs: 25_000 }),
  },
  {
    name: 'image-pull-back-off',
    does: 'The first container ends, and its image cannot be pulled again (ErrImagePull, ImagePullBackOff).',
    effect: '4 s',
    shows: 'The pod is not ready, and the container has no usage.',
    alerts: {
      otel: ['KubeDeploymentReplicasMissing'],
      prometheus: ['KubePodNotReady', 'KubeDeploymentReplicasMismatch'],
    },
    ...containerScenario({ kind: 'image' }),
  },
  {
    name: 'readiness-failing',
    does: 'The readiness probe of the first container fails while the container runs. The pod need not have a probe.',
    effect: '1 s',
    shows: 'The pod is not ready, its Services lose an endpoint, and its usage stays.',
    alerts: {
      otel: ['KubeDeploymentReplicasMissing'],
      prometheus: ['KubePodNotReady', 'KubeDeploymentReplicasMismatch'],
    },
    ...containerScenario({ kind: 'unready' }),
    heals: 'The container is ready.',
  },
]

function containerScenario(failure: Failure): Pick<Scenario, 'target' | 'heals' | 'unfit' | 'hold' | 'undo'> {
  return {
    target: 'pod',
    heals: 'The container runs in a new run and is ready. Restarts and events stay.',
    unfit: unfitPod,
    ...annotatedScenario<Held>({
      ...runningPod,
      keep: heldContainer,
      async hold(run, pod, { before, node }) {
        const nowMs = Date.now()
        const { status, events, nextMs } = failedContainer(before, failure, { sinceMs: run.startMs, nowMs })
        await writeStatus(run, pod, before.name, status)
        const involved = { kind: 'Pod', ...before.pod, fieldPath: `spec.containers{${before.name}}` }
        for (const event of events) await writeEvent(run, { involved, component: 'kubelet', host: node }, event)
        return Math.min(HOLD_MS, nextMs - nowMs)
      },
      async undo(run, pod, { before }) {
        const nowMs = Date.now()
        const failedMs = { sinceMs: run.startMs, nowMs: Math.min(nowMs, run.untilMs) }
        const { status } = failedContainer(before, failure, failedMs)
        if (isRunning(pod)) await writeStatus(run, pod, before.name, healedContainer(status, nowMs))
      },
    }),
  }
}

/** Why a pod cannot fail: undefined for one that runs and is ready. */
export function unfitPod(pod: unknown): string | undefined {
  const { metadata, status, spec } = fields(pod)
  if (fields(metadata)['deletionTimestamp'] !== undefined) return 'it is being deleted'
  if (fields(status)['phase'] !== 'Running') return `its phase is ${text(fields(status)['phase']) ?? 'unknown'}`
  const first = text(fields(items(fields(spec)['containers'])[0])['name'])
  const found = statusOf(pod, first)
  return fields(found['state'])['running'] === undefined ? `its container ${first} does not run` : undefined
}

/** The container that fails, as it was before the first call. */
function heldContainer(run: ScenarioRun, pod: unknown): Held {
  const { metadata, spec } = fields(pod)
  const { namespace, name, uid } = fields(metadata)
  const container = fields(items(fields(spec)['containers'])[0])
  const found = statusOf(pod, text(container['name']))
  return {
    before: {
      pod: { namespace: String(namespace), name: String(name), uid: String(uid) },
      name: String(container['name']),
      image: String(container['image']),
      restarts: Number(found['restartCount'] ?? 0),
      startedMs: timeMs(fields(fields(found['state'])['running'])['startedAt']) ?? run.startMs,
    },
    node: String(fields(spec)['nodeName']),
  }
}

/** Writes the container's status, and the conditions that follow from it, unless the pod has them. */
async function writeStatus(run: ScenarioRun, pod: unknown, container: string, whole: ContainerStatus): Promise<void> {
  const { started: _, ...others } = whole
  // KWOK does not write it.
  const wanted = 'started' in statusOf(pod, container) ? whole : others
  const { conditions, containerStatuses } = fields(fields(pod)['status'])
  const unready = items(containerStatuses).flatMap(each => {
    const { name, ready } = fields(each)
    return (name === container ? wanted.ready : ready) === true ? [] : [String(name)]
  })
  const status = unready.length === 0 ? 'True' : 'False'
  const why =
    unready.length === 0
      ? { reason: null, message: null }
      : { reason: 'ContainersNotReady', message: `containers with unready status: [${unready.join(' ')}]` }
  const changed = ['Ready', 'ContainersReady'].filter(type =>
    items(conditions).every(each => fields(each)['type'] !== type || fields(each)['status'] !== status),
  )
  if (changed.length === 0 && isIn(wanted, statusOf(pod, container))) return
  const lastTransitionTime = apiTime(Date.now())
  const body = {
    status: {
      conditions: changed.map(type => ({ type, status, lastTransitionTime, ...why })),
      // The API replaces the whole list.
      containerStatuses: items(containerStatuses).map(each =>
        fields(each)['name'] === container ? { ...fields(each), ...wanted } : each,
      ),
    },
  }
  await patch(run.client, `${podPath(run)}/status`, body)
}

/** Whether an object has these fields; null is an absent one. */
function isIn(wanted: unknown, found: unknown): boolean {
  if (wanted === null) return found === undefined
  if (typeof wanted !== 'object') return wanted === found
  return Object.entries(wanted).every(([name, value]) => isIn(value, fields(found)[name]))
}

function isRunning(pod: unknown): boolean {
  return fields(fields(pod)['status'])['phase'] === 'Running'
}

function statusOf(pod: unknown, container: string | undefined): Record<string, unknown> {
  const statuses = items(fields(fields(pod)['status'])['containerStatuses']).map(fields)
  return statuses.find(({ name }) => name === container) ?? {}
}

export function podPath({ target }: ScenarioRun): string {
  const [namespace, name] = target.split('/')
  return `/api/v1/namespaces/${namespace}/pods/${name}`
}
