import assert from 'node:assert/strict'
import fc from 'fast-check'
import { suite } from 'uvu'
import {
  constant,
  cpuGain,
  integral,
  levelAt,
  overMsOf,
  type Pulse,
  type Ramp,
  type Wave,
} from '../../../../lib/kubelet/usage/usage-curves.ts'
import { START_MS } from '../kubelet-fixtures.ts'

const waves: fc.Arbitrary<Wave> = fc.record({
  kind: fc.constant('wave' as const),
  mean: fc.integer({ min: 0, max: 1e12 }),
  swing: fc.double({ min: 0, max: 0.99, noNaN: true }),
  periodMs: fc.integer({ min: 1, max: 1e7 }),
  phase: fc.double({ min: 0, max: 1, noNaN: true }),
})
const pulses: fc.Arbitrary<Pulse> = fc
  .record({
    low: fc.integer({ min: 0, max: 1e10 }),
    high: fc.integer({ min: 0, max: 1e10 }),
    periodMs: fc.integer({ min: 2, max: 1e7 }),
    on: fc.double({ min: 0, max: 1, noNaN: true }),
    phaseMs: fc.integer({ min: 0, max: 1e7 }),
  })
  .map(({ low, high, periodMs, on, phaseMs }) => ({
    kind: 'pulse',
    low: Math.min(low, high),
    high: Math.max(low, high),
    onMs: Math.floor(on * periodMs),
    periodMs,
    phaseMs,
  }))
const times = fc.integer({ min: START_MS, max: START_MS + 1e11 })

const integrals = suite('integral()')

integrals('of a constant is level times seconds', () => assert.equal(integral(constant(3e6), 1_000, 3_500), 7.5e6))

integrals('is nothing when the end is not later', () => assert.equal(integral(constant(1), 5, 5), 0))

integrals('over whole periods is the mean', () => {
  const wave: Wave = { kind: 'wave', mean: 100, swing: 0.5, periodMs: 10_000, phase: 0.3 }
  assert(Math.abs(integral(wave, START_MS, START_MS + 50_000) - 5_000) < 1e-6)
})

integrals('is the sum of small steps', () => {
  const wave: Wave = { kind: 'wave', mean: 100, swing: 0.5, periodMs: 10_000, phase: 0.3 }
  let sum = 0
  for (let at = 0; at < 7_000; at++) sum += levelAt(wave, START_MS + at + 0.5) / 1_000
  assert(Math.abs(integral(wave, START_MS, START_MS + 7_000) - sum) < 1e-4)
})

integrals('never decreases over time, in whole numbers', () => {
  fc.assert(
    fc.property(
      fc.oneof(waves, pulses),
      times,
      times,
      fc.integer({ min: 0, max: 5_000 }),
      (wave, from, until, step) => {
        assert(Math.round(integral(wave, from, until + step)) >= Math.round(integral(wave, from, until)))
      },
    ),
    { numRuns: 2_000 },
  )
})

integrals.run()

const gains = suite('cpuGain()')
const burst: Pulse = { kind: 'pulse', low: 1e8, high: 1e9, onMs: 10_000, periodMs: 60_000, phaseMs: 0 }

gains('cuts a constant at the limit, and counts the rest as throttling', () => {
  assert.deepEqual(cpuGain(constant(2e9), 5e8, 0, 10_000), { coreNanoSeconds: 5e9, overMs: 10_000, throttledMs: 7_500 })
})

gains('cuts bursts only', () => {
  const gain = cpuGain(burst, 5e8, 0, 120_000)
  assert.deepEqual(gain, { coreNanoSeconds: 20 * 5e8 + 100 * 1e8, overMs: 20_000, throttledMs: 10_000 })
})

gains('is the integral if the limit is never reached', () => {
  assert.deepEqual(cpuGain(burst, 2e9, 5, 77_777).coreNanoSeconds, integral(burst, 5, 77_777))
})

gains('never exceeds the limit, never decreases, and adds up', () => {
  const limits = fc.integer({ min: 1, max: 1e10 })
  const spans = fc.integer({ min: 0, max: 1e8 })
  fc.assert(
    fc.property(
      fc.oneof(pulses, fc.integer({ min: 0, max: 1e11 }).map(constant)),
      limits,
      times,
      spans,
      spans,
      (curve, limit, from, a, b) => {
        const [first, second, whole] = [
          cpuGain(curve, limit, from, from + a),
          cpuGain(curve, limit, from + a, from + a + b),
          cpuGain(curve, limit, from, from + a + b),
        ]
        assert(whole.coreNanoSeconds <= (limit * (a + b)) / 1_000 + 1)
        assert(whole.throttledMs <= whole.overMs && whole.overMs <= a + b)
        for (const field of ['coreNanoSeconds', 'overMs', 'throttledMs'] as const) {
          assert(first[field] >= 0 && whole[field] >= first[field])
          const error = Math.abs(first[field] + second[field] - whole[field])
          assert(error <= 1e-9 * Math.max(1, whole[field]), `${field}: ${error}`)
        }
      },
    ),
    { numRuns: 2_000 },
  )
})

gains.run()

const overs = suite('overMsOf()')
const leak: Ramp = { kind: 'ramp', from: 100, perHour: 100, sinceMs: 0, most: 400 }

for (const [name, curve, limit, from, until, expected] of [
  ['a constant under its limit', constant(5), 5, 0, 1_000, 0],
  ['a constant over its limit', constant(6), 5, 0, 1_000, 1_000],
  ['a leak that has not come there', leak, 200, 0, 3_600_000, 0],
  ['a leak from when it has', leak, 200, 0, 5_000_000, 1_400_000],
  ['a leak that never does', leak, 400, 0, 1e9, 0],
] as const) {
  overs(`${name}: ${expected} ms`, () => assert.equal(overMsOf(curve, limit, from, until), expected))
}

overs.run()
