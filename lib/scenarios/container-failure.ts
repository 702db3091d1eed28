import { apiTime } from '../kube/json.ts'
import type { ClusterEvent } from './scenario.ts'

/** The container before it failed. */
export interface ContainerBefore {
  pod: { namespace: string; name: string; uid: string }
  name: string
  image: string
  restarts: number
  /** When its run started (epoch). */
  startedMs: number
}

/** It ends again and again, its image cannot be pulled after it has ended, or it runs and its readiness probe fails. */
export type Failure =
  | { kind: 'crash'; reason: 'Error' | 'OOMKilled'; exitCode: number; runMs: number }
  | { kind: 'image' }
  | { kind: 'unready' }

/** The state of a container at a time: fields of a ContainerStatus, and the events so far. */
export interface ContainerSituation {
  status: ContainerStatus
  events: ClusterEvent[]
  /** When the status or an event changes next (epoch). */
  nextMs: number
}

export interface ContainerStatus {
  ready: boolean
  started: boolean
  restartCount: number
  state: ContainerState
  /** Undefined: as before. */
  lastState?: ContainerState
}

/** Exactly one is an object; null is an absent field of the API. */
export interface ContainerState {
  running: { startedAt: string } | null
  waiting: { reason: string; message: string } | null
  terminated: { exitCode: number; reason: string; startedAt: string; finishedAt: string } | null
}

/** As in a kubelet: MaxContainerBackOff, and its first value. */
const MAX_BACK_OFF_MS = 300_000
const FIRST_BACK_OFF_MS = 10_000
/** How long a kubelet takes to notice an end, and to pull an image in vain. */
const NOTICE_MS = 1_000
/** A kubelet syncs a pod with an error about this often, and writes the event of the back-off each time. */
const SYNC_MS = 12_000
const PROBE_MS = 10_000

/**
 * A container that has failed since `sinceMs` in this way, as its kubelet reports it. A pure function of time, so that each process that holds
 * the container reports the same.
 */
export function failedContainer(
  before: ContainerBefore,
  failure: Failure,
  { sinceMs, nowMs }: { sinceMs: number; nowMs: number },
): ContainerSituation {
  const events = eventLog(nowMs)
  const situation =
    failure.kind === 'unready'
      ? unready(before, sinceMs, nowMs, events)
      : failure.kind === 'image'
        ? withoutImage(before, sinceMs, nowMs, events)
        : crashing(before, failure, sinceMs, nowMs, events)
  return { ...situation, nextMs: Math.min(situation.nextMs, events.nextMs()), events: events.all() }
}

/** A container that runs again after it was healed: the run that it is in, else a new one. */
export function healedContainer(failed: ContainerStatus, nowMs: number): ContainerStatus {
  if (failed.state.running !== null) return { ...failed, ready: true, started: true }
  const lastState = failed.state.terminated === null ? failed.lastState : { ...failed.state, waiting: null }
  return {
    ready: true,
    started: true,
    restartCount: failed.restartCount + 1,
    state: runningSince(nowMs),
    ...(lastState === undefined ? {} : { lastState }),
  }
}

type Situation = Omit<ContainerSituation, 'events'>

/** The first restart comes at once, then the back-off doubles. */
function crashing(
  before: ContainerBefore,
  failure: Extract<Failure, { kind: 'crash' }>,
  sinceMs: number,
  nowMs: number,
  events: EventLog,
): Situation {
  const { exitCode, reason, runMs } = failure
  let startedMs = before.startedMs
  let finishedMs = sinceMs
  for (let run = 0; ; run++) {
    const restartCount = before.restarts + run
    const ended = terminated({ exitCode, reason, startedMs, finishedMs })
    const backOffMs = run === 0 ? 0 : backOff(run - 1)
    const noticedMs = finishedMs + NOTICE_MS
    const nextMs = finishedMs + Math.max(NOTICE_MS, backOffMs)
    const down = { ready: false, started: false, restartCount }
    if (nowMs < noticedMs) return { status: { ...down, state: ended }, nextMs: noticedMs }
    if (backOffMs > 0) {
      const message = `Back-off restarting failed container ${before.name} in pod ${podText(before)}`
      for (let at = noticedMs; at < nextMs; at += SYNC_MS) events.add('Warning', 'BackOff', message, at)
    }
    if (nowMs < nextMs) {
      const message = `back-off ${goTime(backOffMs)} restarting failed container=${before.name} pod=${podText(before)}`
      const state = waiting('CrashLoopBackOff', message)
      return { status: { ...down, state, lastState: ended }, nextMs }
    }
    addStart(before, nextMs, events)
    startedMs = nextMs
    finishedMs = nextMs + runMs
    if (nowMs < finishedMs) {
      const up = { ready: true, started: true, restartCount: restartCount + 1 }
      return { status: { ...up, state: runningSince(startedMs), lastState: ended }, nextMs: finishedMs }
    }
  }
}

/** The container ends once, and its image is gone. */
function withoutImage(before: ContainerBefore, sinceMs: number, nowMs: number, events: EventLog): Situation {
  const { image, restarts: restartCount, startedMs } = before
  const ended = terminated({ exitCode: 1, reason: 'Error', startedMs, finishedMs: sinceMs })
  const down = { ready: false, started: false, restartCount }
  if (nowMs < sinceMs + NOTICE_MS) return { status: { ...down, state: ended }, nextMs: sinceMs + NOTICE_MS }
  const why = `failed to pull and unpack image "${image}": failed to resolve reference "${image}": ${image}: not found`
  let pulledMs = sinceMs + NOTICE_MS
  for (let attempt = 0; ; attempt++) {
    const failedMs = pulledMs + NOTICE_MS
    const nextMs = failedMs + backOff(attempt)
    events.add('Normal', 'Pulling', `Pulling image "${image}"`, pulledMs)
    events.add('Warning', 'Failed', `Failed to pull image "${image}": ${why}`, failedMs)
    events.add('Warning', 'Failed', 'Error: ErrImagePull', failedMs)
    const status = { ...down, lastState: ended }
    if (nowMs < failedMs + NOTICE_MS) {
      return { status: { ...status, state: waiting('ErrImagePull', why) }, nextMs: failedMs + NOTICE_MS }
    }
    for (let at = failedMs + NOTICE_MS; at < nextMs; at += SYNC_MS) {
      events.add('Normal', 'BackOff', `Back-off pulling image "${image}"`, at)
      events.add('Warning', 'Failed', 'Error: ImagePullBackOff', at)
    }
    if (nowMs < nextMs) {
      const message = `Back-off pulling image "${image}": ErrImagePull: ${why}`
      return { status: { ...status, state: waiting('ImagePullBackOff', message) }, nextMs }
    }
    pulledMs = nextMs
  }
}

function unready(before: ContainerBefore, sinceMs: number, nowMs: number, events: EventLog): Situation {
  const { restarts, startedMs } = before
  const message = 'Readiness probe failed: HTTP probe failed with statuscode: 503'
  // The last one is the next.
  for (let at = sinceMs; at <= nowMs + PROBE_MS; at += PROBE_MS) events.add('Warning', 'Unhealthy', message, at)
  const status = { ready: false, started: true, restartCount: restarts, state: runningSince(startedMs) }
  return { status, nextMs: Number.POSITIVE_INFINITY }
}

/** In the words of a kubelet. */
function addStart({ image }: ContainerBefore, atMs: number, events: EventLog): void {
  const pulled = `Container image "${image}" already present on machine and can be accessed by the pod`
  events.add('Normal', 'Pulled', pulled, atMs)
  events.add('Normal', 'Created', 'Container created', atMs)
  events.add('Normal', 'Started', 'Container started', atMs)
}

function backOff(failures: number): number {
  return Math.min(MAX_BACK_OFF_MS, FIRST_BACK_OFF_MS * 2 ** Math.min(failures, 10))
}

function runningSince(ms: number): ContainerState {
  return { running: { startedAt: apiTime(ms) }, waiting: null, terminated: null }
}

function waiting(reason: string, message: string): ContainerState {
  return { running: null, waiting: { reason, message }, terminated: null }
}

function terminated(run: { exitCode: number; reason: string; startedMs: number; finishedMs: number }): ContainerState {
  const { exitCode, reason } = run
  const ended = { exitCode, reason, startedAt: apiTime(run.startedMs), finishedAt: apiTime(run.finishedMs) }
  return { running: null, waiting: null, terminated: ended }
}

function podText({ pod: { namespace, name, uid } }: ContainerBefore): string {
  return `${name}_${namespace}(${uid})`
}

/** A duration of whole seconds as Go prints it: 10s, 1m20s, 5m0s. */
function goTime(ms: number): string {
  const s = Math.round(ms / 1_000)
  return s < 60 ? `${s}s` : `${Math.floor(s / 60)}m${s % 60}s`
}

type EventLog = ReturnType<typeof eventLog>

/** Counts equal events that have happened until a time. */
function eventLog(nowMs: number) {
  const known = new Map<string, ClusterEvent>()
  let nextMs = Number.POSITIVE_INFINITY
  const add = (type: ClusterEvent['type'], reason: string, message: string, atMs: number) => {
    if (atMs > nowMs) {
      nextMs = Math.min(nextMs, atMs)
      return
    }
    const key = `${reason} ${message}`
    const event = known.get(key) ?? { type, reason, message, count: 0, firstMs: atMs, lastMs: atMs }
    event.count++
    event.lastMs = Math.max(event.lastMs, atMs)
    known.set(key, event)
  }
  return {
    add,
    all: () => [...known.values()],
    nextMs: () => nextMs,
  }
}
