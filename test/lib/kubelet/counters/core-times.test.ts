import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { coresOf, coreTimesAt } from '../../../../lib/kubelet/counters/core-times.ts'

const times = suite('coreTimesAt()')
const first = { cores: 2, startMs: 0, nowMs: 10_000, busyNs: 4e9, servedIdleNs: 0, kept: undefined }

times('splits busy and idle time evenly over the initial cores', () => {
  const { times, idleNs } = coreTimesAt(first)
  assert.deepEqual(times, [
    { busyNs: 2e9, idleNs: 8e9 },
    { busyNs: 2e9, idleNs: 8e9 },
  ])
  assert.equal(idleNs, 16e9)
})

times('starts a new core at zero, and keeps the time of the others', () => {
  const { idleNs, kept } = coreTimesAt(first)
  const change = coreTimesAt({ ...first, cores: 3, nowMs: 11_000, busyNs: 5e9, servedIdleNs: idleNs, kept })
  assert.deepEqual(change.times, [
    { busyNs: 2.5e9, idleNs: 8.5e9 },
    { busyNs: 2.5e9, idleNs: 8.5e9 },
    { busyNs: 0, idleNs: 0 },
  ])
  const after = coreTimesAt({
    ...{ ...first, cores: 3, nowMs: 12_000, busyNs: 5.9e9, servedIdleNs: change.idleNs, kept: change.kept },
  })
  const rounded = after.times.map(({ busyNs, idleNs }) => [Math.round(busyNs / 1e6), Math.round(idleNs / 1e6)])
  assert.deepEqual(rounded, [
    [2_800, 9_200],
    [2_800, 9_200],
    [300, 700],
  ])
})

times('keeps idle time constant while usage exceeds the capacity', () => {
  const { idleNs, kept } = coreTimesAt(first)
  const after = coreTimesAt({ ...first, nowMs: 11_000, busyNs: 90e9, servedIdleNs: idleNs, kept })
  assert.equal(after.idleNs, idleNs)
  assert.equal(after.times[0]?.busyNs, 45e9)
})
times.run()

const counts = suite('coresOf()')
for (const [nanoCores, cores] of [
  [undefined, 1],
  [100e6, 1],
  [8e9, 8],
  [1e15, 1_024],
] as const) {
  counts(`takes ${nanoCores} for ${cores}`, () => assert.equal(coresOf(nanoCores), cores))
}
counts.run()
