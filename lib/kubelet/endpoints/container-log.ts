import { fields, items, text, timeMs } from '../../kube/json.ts'
import { hash, pseudoRandom } from '../usage/pseudo-random.ts'

/** One run of a container, from its start to its end. */
export interface ContainerRun {
  name: string
  image: string
  restarts: number
  /** A container that serves requests: no init container. */
  isServer: boolean
  seed: number
  startMs: number
  /** A running container is not ready since then. */
  unreadyMs?: number | undefined
  /** Absent while it runs. */
  end?: { atMs: number; exitCode: number } | undefined
}

export interface LogLine {
  timeMs: number
  stream: 'Stdout' | 'Stderr'
  text: string
}

/** The lines of a run until a time. A later log has the same ones and more, unless the pod's readiness changed: only its last change is known. */
export interface ContainerLog {
  length: number
  line: (index: number) => LogLine
}

const READY_MS = 1_500
const PATHS = ['/', '/api/items', '/api/items/17', '/api/cart', '/api/orders', '/api/search?q=tea', '/api/users/me']

/**
 * The run of a container whose log a kubelet shows, of a Pod as its kubelet lists it; undefined for a container that the Pod does not have. A text is the reason why
 * there is no log, in the words of a kubelet.
 */
export function containerRun(
  pod: Record<string, unknown>,
  name: string,
  which: 'current' | 'previous',
): ContainerRun | string | undefined {
  const [metadata, spec, status] = [fields(pod.metadata), fields(pod.spec), fields(pod.status)]
  const main = named(name, spec.containers)
  const init = named(name, spec.initContainers)
  const container = main ?? init ?? named(name, spec.ephemeralContainers)
  if (container === undefined) return undefined
  const what = `container "${name}" in pod "${text(metadata.name)}"`
  const found =
    named(name, status.containerStatuses) ??
    named(name, status.initContainerStatuses) ??
    named(name, status.ephemeralContainerStatuses)
  if (found === undefined) return `${what} is not available`

  const restartCount = Number(found.restartCount ?? 0)
  const run = (state: Record<string, unknown>, restarts: number): ContainerRun => ({
    name,
    image: text(found.image) ?? text(container.image) ?? '',
    restarts,
    isServer: main !== undefined || init?.restartPolicy === 'Always',
    seed: hash(`${text(metadata.uid)}/${name}/${restarts}`),
    startMs: timeMs(state.startedAt) ?? timeMs(status.startTime) ?? timeMs(metadata.creationTimestamp) ?? 0,
  })
  const ended = (state: unknown, restarts: number): ContainerRun => {
    const begun = run(fields(state), restarts)
    const { finishedAt, exitCode } = fields(state)
    const atMs = Math.max(begun.startMs, timeMs(finishedAt) ?? begun.startMs)
    return { ...begun, end: { atMs, exitCode: Number(exitCode ?? 0) } }
  }
  const { running, terminated, waiting } = fields(found.state)
  const last = fields(found.lastState).terminated
  if (which === 'previous') {
    return last === undefined ? `previous terminated ${what} not found` : ended(last, Math.max(0, restartCount - 1))
  }
  if (running !== undefined) {
    const current = run(fields(running), restartCount)
    if (found.ready === false) current.unreadyMs = unreadySince(status) ?? current.startMs
    return current
  }
  if (terminated !== undefined) return ended(terminated, restartCount)
  if (last !== undefined) return ended(last, Math.max(0, restartCount - 1))
  const { reason } = fields(waiting)
  if (reason === 'ErrImagePull') return `${what} is waiting to start: image can't be pulled`
  if (reason === 'ImagePullBackOff') return `${what} is waiting to start: trying and failing to pull image`
  return `${what} is waiting to start${reason === undefined ? ' - no logs yet' : `: ${reason}`}`
}

/** The log of a run at a time: its start, the requests that it serves while it is ready, and its end. */
export function containerLog(run: ContainerRun, nowMs: number): ContainerLog {
  const { startMs, unreadyMs, end, seed } = run
  const untilMs = Math.min(nowMs, end?.atMs ?? nowMs)
  const servesUntilMs = run.isServer ? Math.min(untilMs, unreadyMs ?? untilMs) : startMs
  const before = [
    line(startMs, `msg=starting container=${run.name} image=${run.image} restarts=${run.restarts}`),
    ...(run.isServer && startMs + 150 <= untilMs ? [line(startMs + 150, 'msg=listening port=8080')] : []),
    ...(startMs + READY_MS <= servesUntilMs ? [line(startMs + READY_MS, 'msg=ready')] : []),
  ]
  const requests = requestCount(run, servesUntilMs)
  const after: LogLine[] = []
  if (unreadyMs !== undefined && requests > 0) after.push(line(unreadyMs, 'msg="readiness probe failed"', 'warn'))
  // A container that was killed writes no last line.
  if (end?.exitCode === 0) after.push(line(end.atMs, 'msg=stopping'))
  else if (end !== undefined && end.exitCode < 128) {
    after.push({ ...line(end.atMs, `msg="fatal error" exitCode=${end.exitCode}`, 'error'), stream: 'Stderr' })
  }
  return {
    length: before.length + requests + after.length,
    line(index) {
      const request = index - before.length
      const given = before[index] ?? after[request - requests]
      if (given !== undefined) return given
      const path = PATHS[Math.floor(PATHS.length * pseudoRandom(seed, 3 * request + 1))]
      const random = pseudoRandom(seed, 3 * request + 2)
      const status = random < 0.98 ? 200 : 404
      return line(
        requestMs(run, request),
        `msg=request method=GET path=${path} status=${status} durationMs=${1 + Math.floor(40 * random ** 3)}`,
      )
    },
  }
}

/** A container serves a request every 2 to 10 s. */
function requestPeriodMs(seed: number): number {
  return 2_000 + Math.floor(8_000 * pseudoRandom(seed, 0))
}

function requestMs({ seed, startMs }: ContainerRun, index: number): number {
  const periodMs = requestPeriodMs(seed)
  return startMs + READY_MS + Math.floor((index + 0.9 * pseudoRandom(seed, 3 * index + 3)) * periodMs)
}

function requestCount(run: ContainerRun, untilMs: number): number {
  const sinceMs = untilMs - run.startMs - READY_MS
  if (sinceMs < 0) return 0
  const index = Math.floor(sinceMs / requestPeriodMs(run.seed))
  return requestMs(run, index) <= untilMs ? index + 1 : index
}

function line(timeMs: number, text: string, level = 'info'): LogLine {
  return { timeMs, stream: 'Stdout', text: `time=${new Date(timeMs).toISOString()} level=${level} ${text}` }
}

function named(name: string, list: unknown): Record<string, unknown> | undefined {
  return items(list)
    .map(fields)
    .find(each => each.name === name)
}

function unreadySince(status: Record<string, unknown>): number | undefined {
  const conditions = items(status.conditions).map(fields)
  const unready = conditions.find(({ type, status }) => type === 'ContainersReady' && status === 'False')
  return timeMs(unready?.lastTransitionTime)
}
