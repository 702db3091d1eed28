import assert from 'node:assert/strict'
import fc from 'fast-check'
import { suite } from 'uvu'
import { changeUsage, countersAt, createPodMeter } from '../../../../lib/kubelet/counters/pod-counters.ts'
import { podTraffic, samplePod, wholeNumber } from '../../../../lib/kubelet/counters/usage-samples.ts'
import type { PodFacts } from '../../../../lib/kubelet/objects/facts.ts'
import { pod, START_MS } from '../kubelet-fixtures.ts'

const meters = suite('samplePod()')

meters('counts from the start of the pod, even if it is first seen later', () => {
  const facts = pod({ annotations: { 'kwok.x-k8s.io/usage-cpu': '100m' } })
  const early = createPodMeter(facts, START_MS + 10)
  const late = createPodMeter(facts, START_MS + 3_600_000)
  const nowMs = START_MS + 7_200_000
  assert.deepEqual(samplePod(early, nowMs), samplePod(late, nowMs))
  assert.equal(samplePod(early, nowMs).total.usageCoreNanoSeconds, 2 * 0.1e9 * 7_200)
})

meters('starts at zero for a pod that starts in the future', () => {
  const meter = createPodMeter(pod({ startTime: '2027-01-01T00:00:00Z' }), START_MS)
  assert.equal(meter.startMs, START_MS)
  assert.equal(samplePod(meter, START_MS).total.usageCoreNanoSeconds, 0)
})

meters('has no step when the annotation changes', () => {
  const meter = createPodMeter(pod({ annotations: { 'kwok.x-k8s.io/usage-cpu': '100m' } }), START_MS)
  changeUsage(meter, pod({ annotations: { 'kwok.x-k8s.io/usage-cpu': '10m' } }), START_MS + 100_000)
  assert.equal(samplePod(meter, START_MS + 100_000).total.usageCoreNanoSeconds, 2 * 0.1e9 * 100)
  assert.equal(samplePod(meter, START_MS + 200_000).total.usageCoreNanoSeconds, 2 * (0.1e9 + 0.01e9) * 100)
})

const amounts = fc.option(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), { nil: undefined })
const steps = fc.array(
  fc.record({
    waitMs: fc.integer({ min: 0, max: 1e9 }),
    change: fc.option(fc.record({ cpu: amounts, memory: amounts, running: fc.boolean() }), { nil: undefined }),
  }),
  { minLength: 1, maxLength: 40 },
)

meters('for any sequence of changes and reads, counters never decrease, are whole and add up', () => {
  fc.assert(
    fc.property(fc.uuid(), steps, (uid, sequence) => {
      let facts: PodFacts = { ...pod(), uid }
      let nowMs = START_MS
      const meter = createPodMeter(facts, nowMs)
      let before: number[] = []
      for (const { waitMs, change } of sequence) {
        nowMs += waitMs
        if (change !== undefined) {
          const { usageCpuNanoCores: _, usageMemoryBytes: __, ...rest } = facts
          facts = {
            ...rest,
            ...(change.cpu === undefined ? {} : { usageCpuNanoCores: change.cpu }),
            ...(change.memory === undefined ? {} : { usageMemoryBytes: change.memory }),
            containers: rest.containers.map(each => ({ ...each, running: change.running })),
          }
          changeUsage(meter, facts, nowMs)
        }
        const { containers, total } = samplePod(meter, nowMs)
        const { rxBytes, txBytes } = podTraffic(meter, nowMs)
        for (const value of [...containers, total].flatMap(Object.values)) {
          assert(Number.isInteger(value) && value >= 0 && !String(value).includes('e'), String(value))
        }
        for (const field of [
          'usageNanoCores',
          'usageCoreNanoSeconds',
          'usageBytes',
          'rssBytes',
          'readBytes',
        ] as const) {
          assert.equal(
            total[field],
            containers.reduce((sum, each) => sum + each[field], 0),
          )
        }
        for (const { rssBytes, workingSetBytes, usageBytes } of containers) {
          assert(rssBytes <= workingSetBytes && workingSetBytes <= usageBytes)
        }
        const after = [
          ...[...containers, total].flatMap(each => [
            each.usageCoreNanoSeconds,
            each.pageFaults,
            each.majorPageFaults,
            each.readBytes,
            each.writtenBytes,
          ]),
          ...meter.containers.flatMap(each => Object.values(countersAt(each, nowMs))),
          rxBytes,
          txBytes,
        ]
        for (const [index, value] of before.entries())
          assert(Number(after[index]) >= value, `${value} fell to ${after[index]}`)
        before = after
      }
    }),
    { numRuns: 500 },
  )
})

/** The pod after its first container was restarted. */
function restarted(facts: PodFacts, startedMs: number, restarts = 1): PodFacts {
  const [first, ...others] = facts.containers
  return first === undefined ? facts : { ...facts, containers: [{ ...first, startedMs, restarts }, ...others] }
}

meters('begins the counters of a restarted container again, and continues those of its pod', () => {
  const facts = pod({ annotations: { 'kwok.x-k8s.io/usage-cpu': '100m' } })
  const meter = createPodMeter(facts, START_MS)
  const restartMs = START_MS + 100_000
  changeUsage(meter, restarted(facts, restartMs - 5_000), restartMs)
  const [first, second] = samplePod(meter, restartMs).containers
  assert.equal(first?.usageCoreNanoSeconds, 0.1e9 * 5)
  assert.equal(second?.usageCoreNanoSeconds, 0.1e9 * 100)
  assert.equal(samplePod(meter, restartMs + 10_000).total.usageCoreNanoSeconds, 0.1e9 * (100 + 15 + 110))
  // The same status again is no further restart.
  const before = samplePod(meter, restartMs + 20_000)
  changeUsage(meter, restarted(facts, restartMs - 5_000), restartMs + 20_000)
  assert.deepEqual(samplePod(meter, restartMs + 20_000), before)
})

meters('counts from the last restart of a container that is first seen later', () => {
  const facts = restarted(pod({ annotations: { 'kwok.x-k8s.io/usage-cpu': '100m' } }), START_MS + 60_000, 3)
  const [first, second] = samplePod(createPodMeter(facts, START_MS + 90_000), START_MS + 90_000).containers
  assert.equal(first?.usageCoreNanoSeconds, 0.1e9 * 30)
  assert.equal(second?.usageCoreNanoSeconds, 0.1e9 * 90)
})

meters('for any sequence of restarts, the counters of the pod never decrease', () => {
  const runs = fc.array(
    fc.record({ waitMs: fc.integer({ min: 0, max: 1e7 }), lateMs: fc.integer({ min: 0, max: 1e4 }) }),
    {
      minLength: 1,
      maxLength: 20,
    },
  )
  fc.assert(
    fc.property(fc.uuid(), runs, (uid, sequence) => {
      const facts = { ...pod(), uid }
      let nowMs = START_MS
      const meter = createPodMeter(facts, nowMs)
      let before: number[] = []
      for (const [index, { waitMs, lateMs }] of sequence.entries()) {
        nowMs += waitMs
        const countersOf = () => {
          const { total } = samplePod(meter, nowMs)
          const { usageCoreNanoSeconds, pageFaults, majorPageFaults, readBytes, writtenBytes } = total
          const { rxBytes, txBytes } = podTraffic(meter, nowMs)
          return [usageCoreNanoSeconds, pageFaults, majorPageFaults, readBytes, writtenBytes, rxBytes, txBytes]
        }
        for (const change of [() => {}, () => changeUsage(meter, restarted(facts, nowMs - lateMs, index + 1), nowMs)]) {
          change()
          const after = countersOf()
          for (const [at, value] of before.entries())
            assert(Number(after[at]) >= value, `${value} fell to ${after[at]}`)
          before = after
        }
      }
    }),
    { numRuns: 300 },
  )
})

meters('gives readers at different rates the same values', () => {
  const meter = createPodMeter(pod(), START_MS)
  for (let at = 0; at < 100; at++) samplePod(meter, START_MS + at * 777)
  assert.deepEqual(samplePod(meter, START_MS + 90_000), samplePod(createPodMeter(pod(), START_MS), START_MS + 90_000))
})

meters.run()

const numbers = suite('wholeNumber()')

for (const [value, whole] of [
  [1.5, 2],
  [-1, 0],
  [Number.NaN, 0],
  [1e30, 2 ** 63],
  [Number.POSITIVE_INFINITY, 2 ** 63],
] as const) {
  numbers(`of ${value} is ${whole}`, () => assert.equal(wholeNumber(value), whole))
}

numbers.run()
