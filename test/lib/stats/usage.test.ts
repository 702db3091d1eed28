import assert from 'node:assert/strict'
import fc from 'fast-check'
import { suite } from 'uvu'
import { constant, containerUsage, hash, integral, levelAt, share } from '../../../lib/stats/usage.ts'
import { pod, START_MS, there } from './fixtures.ts'

const waves = fc.record({
  mean: fc.integer({ min: 0, max: 1e12 }),
  swing: fc.double({ min: 0, max: 0.99, noNaN: true }),
  periodMs: fc.integer({ min: 1, max: 1e7 }),
  phase: fc.double({ min: 0, max: 1, noNaN: true }),
})
const times = fc.integer({ min: START_MS, max: START_MS + 1e11 })

const integrals = suite('integral()')

integrals('of a constant is level times seconds', () => assert.equal(integral(constant(3e6), 1_000, 3_500), 7.5e6))

integrals('is nothing when the end is not later', () => assert.equal(integral(constant(1), 5, 5), 0))

integrals('over whole periods is the mean', () => {
  const wave = { mean: 100, swing: 0.5, periodMs: 10_000, phase: 0.3 }
  assert(Math.abs(integral(wave, START_MS, START_MS + 50_000) - 5_000) < 1e-6)
})

integrals('is what small steps add up to', () => {
  const wave = { mean: 100, swing: 0.5, periodMs: 10_000, phase: 0.3 }
  let sum = 0
  for (let at = 0; at < 7_000; at++) sum += levelAt(wave, START_MS + at + 0.5) / 1_000
  assert(Math.abs(integral(wave, START_MS, START_MS + 7_000) - sum) < 1e-4)
})

integrals('never falls as time goes on, in whole numbers', () => {
  fc.assert(
    fc.property(waves, times, times, fc.integer({ min: 0, max: 5_000 }), (wave, from, until, step) => {
      assert(Math.round(integral(wave, from, until + step)) >= Math.round(integral(wave, from, until)))
    }),
    { numRuns: 2_000 },
  )
})

integrals.run()

const usages = suite('containerUsage()')
const [app, proxy] = pod().containers.map(there)

usages('is the same for the same pod, and another for another', () => {
  assert.deepEqual(containerUsage(pod(), there(app)), containerUsage(pod(), there(app)))
  assert.notDeepEqual(containerUsage(pod(), there(app)), containerUsage(pod({ uid: 'other' }), there(app)))
  assert.notDeepEqual(containerUsage(pod(), there(app)).cpu.phase, containerUsage(pod(), there(proxy)).cpu.phase)
})

usages('stays inside the requests', () => {
  fc.assert(
    fc.property(fc.string(), times, (uid, at) => {
      const { cpu, memory } = containerUsage({ ...pod(), uid }, there(app))
      const level = levelAt(cpu, at)
      assert(level > 0 && level <= 100e6)
      assert(levelAt(memory, at) > 0 && levelAt(memory, at) <= 64 * 2 ** 20)
    }),
  )
})

usages('has sensible defaults without resources', () => {
  const { cpu, memory } = containerUsage(pod(), there(proxy))
  assert(cpu.mean >= 10e6 && cpu.mean <= 40e6)
  assert(memory.mean >= 50 * 2 ** 20 && memory.mean <= 144 * 2 ** 20)
})

usages('gives each container the whole annotation, up to its limit', () => {
  const annotated = pod({ annotations: { 'kwok.x-k8s.io/usage-cpu': '500m', 'kwok.x-k8s.io/usage-memory': '1Gi' } })
  assert.deepEqual(
    annotated.containers.map(each => containerUsage(annotated, each).cpu.mean),
    [200e6, 500e6],
  )
  assert.deepEqual(
    annotated.containers.map(each => containerUsage(annotated, each).memory.mean),
    [128 * 2 ** 20, 2 ** 30],
  )
})

usages('is nothing for a container that does not run', () => {
  assert.deepEqual(containerUsage(pod(), { ...there(app), running: false }), { cpu: constant(0), memory: constant(0) })
})

usages('never exceeds the limits', () => {
  const amounts = fc.option(fc.integer({ min: 0, max: 1e12 }), { nil: undefined })
  fc.assert(
    fc.property(
      fc.string(),
      amounts,
      amounts,
      amounts,
      fc.integer({ min: 1, max: 1e12 }),
      times,
      (uid, cpu, own, request, limit, at) => {
        const facts = {
          ...pod(),
          uid,
          ...(cpu === undefined ? {} : { usageCpuNanoCores: cpu }),
          ...(own === undefined ? {} : { usageMemoryBytes: own }),
        }
        const container = {
          name: 'app',
          running: true,
          cpuLimitNanoCores: limit,
          memoryLimitBytes: limit,
          ...(request === undefined ? {} : { cpuRequestNanoCores: request, memoryRequestBytes: request }),
        }
        const usage = containerUsage(facts, container)
        assert(Math.round(levelAt(usage.cpu, at)) <= limit)
        assert(Math.round(levelAt(usage.memory, at)) <= limit)
      },
    ),
    { numRuns: 500 },
  )
})

usages.run()

const shares = suite('share()')

shares('spreads over [0, 1)', () => {
  const values = Array.from({ length: 10_000 }, (_, at) => share(hash(`pod-${at}`), 3))
  assert(values.every(value => value >= 0 && value < 1))
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  assert(Math.abs(mean - 0.5) < 0.02, `mean ${mean}`)
})

shares.run()
