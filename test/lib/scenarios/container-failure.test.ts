import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { apiTime } from '../../../lib/kube/json.ts'
import {
  type ContainerBefore,
  type ContainerStatus,
  type Failure,
  failedContainer,
  healedContainer,
} from '../../../lib/scenarios/container-failure.ts'

const SINCE_MS = Date.parse('2026-11-29T10:00:00Z')
const before: ContainerBefore = {
  pod: { namespace: 'team-a', name: 'load-0', uid: 'u' },
  name: 'app',
  image: 'registry.example/app:1',
  restarts: 4,
  startedMs: SINCE_MS - 3_600_000,
}
const crash: Failure = { kind: 'crash', reason: 'Error', exitCode: 1, runMs: 5_000 }

/** The situation some seconds after the start. */
const after = (failure: Failure, seconds: number) =>
  failedContainer(before, failure, { sinceMs: SINCE_MS, nowMs: SINCE_MS + seconds * 1_000 })
const time = (seconds: number) => apiTime(SINCE_MS + seconds * 1_000)
/** The state, restarts and readiness in one line. */
const short = ({ state, restartCount, ready }: ContainerStatus) => {
  const { running, waiting, terminated } = state
  const what = waiting?.reason ?? terminated?.reason ?? `running since ${running?.startedAt.slice(14, 19)}`
  return `${what}, ${restartCount}${ready ? ', ready' : ''}`
}

const failing = suite('failedContainer()')

failing('restarts a crashing container at once, then with a back-off that doubles', () => {
  // Ends at 0, 6, 21, 46 and 91 s.
  for (const [seconds, expected] of [
    [0, 'Error, 4'],
    [1, 'running since 00:01, 5, ready'],
    [5, 'running since 00:01, 5, ready'],
    [6, 'Error, 5'],
    [7, 'CrashLoopBackOff, 5'],
    [15, 'CrashLoopBackOff, 5'],
    [16, 'running since 00:16, 6, ready'],
    [21, 'Error, 6'],
    [22, 'CrashLoopBackOff, 6'],
    [41, 'running since 00:41, 7, ready'],
    [47, 'CrashLoopBackOff, 7'],
    [86, 'running since 01:26, 8, ready'],
  ] as const) {
    assert.equal(short(after(crash, seconds).status), expected, `after ${seconds} s`)
  }
})

failing('has the run that ended as the last state, and the first run began before the failure', () => {
  const { status } = after(crash, 8)
  assert.deepEqual(status.lastState?.terminated, {
    exitCode: 1,
    reason: 'Error',
    startedAt: time(1),
    finishedAt: time(6),
  })
  assert.equal(after(crash, 0).status.state.terminated?.startedAt, apiTime(before.startedMs))
  assert.equal(status.state.waiting?.message, 'back-off 10s restarting failed container=app pod=load-0_team-a(u)')
})

failing('has a back-off of at most five minutes', () => {
  const { status, nextMs } = after(crash, 86_400)
  const { message } = status.state.waiting ?? {}
  assert.match(message ?? '', /^back-off 5m0s /)
  assert(nextMs - (SINCE_MS + 86_400_000) <= 300_000)
})

failing('never has fewer restarts or events than before, and changes only at the announced times', () => {
  const oom: Failure = { kind: 'crash', reason: 'OOMKilled', exitCode: 137, runMs: 25_000 }
  for (const failure of [crash, oom, { kind: 'image' }, { kind: 'unready' }] as const) {
    let last = after(failure, 0)
    for (let seconds = 1; seconds < 1_000; seconds++) {
      const now = after(failure, seconds)
      assert(now.status.restartCount >= last.status.restartCount)
      for (const { reason, message, count } of last.events) {
        const same = now.events.find(each => each.reason === reason && each.message === message)
        assert((same?.count ?? 0) >= count, `${failure.kind} ${reason} after ${seconds} s`)
      }
      if (SINCE_MS + seconds * 1_000 < last.nextMs) assert.deepEqual({ ...now, nextMs: 0 }, { ...last, nextMs: 0 })
      last = now
    }
  }
})

failing('pulls an image in vain, and keeps the number of restarts', () => {
  for (const [seconds, expected] of [
    [0, 'Error, 4'],
    [1, 'ErrImagePull, 4'],
    [3, 'ImagePullBackOff, 4'],
    [12, 'ErrImagePull, 4'],
    [14, 'ImagePullBackOff, 4'],
    [32, 'ImagePullBackOff, 4'],
  ] as const) {
    assert.equal(short(after({ kind: 'image' }, seconds).status), expected, `after ${seconds} s`)
  }
  const { events } = after({ kind: 'image' }, 13)
  assert.deepEqual(
    events.map(({ type, reason, count }) => `${type} ${reason} ${count}`),
    ['Normal Pulling 2', 'Warning Failed 2', 'Warning Failed 2', 'Normal BackOff 1', 'Warning Failed 1'],
  )
})

failing('lets an unready container run, and counts the failed probes', () => {
  const { status, events } = after({ kind: 'unready' }, 35)
  assert.equal(short(status), 'running since 00:00, 4')
  assert.deepEqual(
    events.map(({ reason, count, lastMs }) => [reason, count, lastMs - SINCE_MS]),
    [['Unhealthy', 4, 30_000]],
  )
})

failing('writes the events of a kubelet for each start', () => {
  const { events } = after(crash, 42)
  assert.deepEqual(
    events.map(({ type, reason, count }) => `${type} ${reason} ${count}`),
    ['Normal Pulled 3', 'Normal Created 3', 'Normal Started 3', 'Warning BackOff 3'],
  )
})
failing.run()

const healing = suite('healedContainer()')

healing('starts a container that is down, with one more restart', () => {
  const healed = healedContainer(after(crash, 8).status, SINCE_MS + 9_000)
  assert.equal(short(healed), 'running since 00:09, 6, ready')
  assert.equal(healed.lastState?.terminated?.finishedAt, time(6))
  const ended = healedContainer(after(crash, 6).status, SINCE_MS + 6_500)
  assert.equal(ended.lastState?.terminated?.finishedAt, time(6))
})

healing('leaves a run that goes on', () => {
  assert.equal(short(healedContainer(after(crash, 2).status, SINCE_MS + 3_000)), 'running since 00:01, 5, ready')
  const probed = healedContainer(after({ kind: 'unready' }, 35).status, SINCE_MS + 36_000)
  assert.equal(short(probed), 'running since 00:00, 4, ready')
  assert.equal(probed.state.running?.startedAt, apiTime(before.startedMs))
})
healing.run()
