import assert from 'node:assert/strict'
import fc from 'fast-check'
import { suite } from 'uvu'
import { presetNames } from '../../../../lib/kubelet/objects/facts.ts'
import { hash, pseudoRandom } from '../../../../lib/kubelet/usage/pseudo-random.ts'
import { constant } from '../../../../lib/kubelet/usage/usage-curves.ts'
import { containerUsage, defaultSources, demandAt } from '../../../../lib/kubelet/usage/usage-model.ts'
import { pod, START_MS, there } from '../kubelet-fixtures.ts'

const times = fc.integer({ min: START_MS, max: START_MS + 1e11 })

const usages = suite('containerUsage()')
const [app, proxy] = pod().containers.map(there)

usages('is the same for one pod, and different for another', () => {
  assert.deepEqual(containerUsage(pod(), there(app)), containerUsage(pod(), there(app)))
  assert.notDeepEqual(containerUsage(pod(), there(app)), containerUsage(pod({ uid: 'other' }), there(app)))
  assert.notDeepEqual(containerUsage(pod(), there(app)).cpu, containerUsage(pod(), there(proxy)).cpu)
})

usages('stays below the requests', () => {
  fc.assert(
    fc.property(fc.string(), times, (uid, at) => {
      const { cpu, memory } = containerUsage({ ...pod(), uid }, there(app))
      const level = demandAt(cpu, at)
      assert(level > 0 && level <= 100e6)
      assert(demandAt(memory, at) > 0 && demandAt(memory, at) <= 64 * 2 ** 20)
    }),
  )
})

usages('has defaults without resources', () => {
  const { cpu, memory } = containerUsage(pod(), there(proxy))
  assert(cpu.kind === 'wave' && cpu.mean >= 10e6 && cpu.mean <= 40e6)
  assert(memory.kind === 'wave' && memory.mean >= 50 * 2 ** 20 && memory.mean <= 144 * 2 ** 20)
})

const annotations = { 'kwok.x-k8s.io/usage-cpu': '500m', 'kwok.x-k8s.io/usage-memory': '1Gi' }

usages('gives each container the whole annotation', () => {
  const annotated = pod({ annotations })
  for (const container of annotated.containers) {
    const { cpu, memory } = containerUsage(annotated, container)
    assert.deepEqual([cpu, memory], [constant(500e6), constant(2 ** 30)])
  }
})

usages('uses the preset annotation, else usage objects, else usage annotations, else the preset of the lab', () => {
  const fromObjects = () => 7
  const sources = { preset: 'idle', fromObjects } as const
  const named = pod({ annotations: { ...annotations, 'kube-otel-lab/usage-preset': 'bursty' } })
  assert.equal(containerUsage(named, there(named.containers[0]), sources).cpu.kind, 'pulse')
  const annotated = pod({ annotations })
  assert.deepEqual(containerUsage(annotated, there(annotated.containers[0]), sources).cpu, constant(7))
  assert.deepEqual(containerUsage(annotated, there(annotated.containers[0])).cpu, constant(500e6))
  assert.deepEqual(containerUsage(pod(), there(app), { ...sources, fromObjects: () => undefined }).cpu, constant(1e6))
})

usages('splits a preset among containers by their requests', () => {
  const make = (cpu: string, memory: string) => ({ name: 'c', resources: { requests: { cpu, memory } } })
  const level = (preset: (typeof presetNames)[number], cpu: string) => {
    const facts = pod({ containers: [make(cpu, '64Mi')] })
    return demandAt(containerUsage(facts, there(facts.containers[0]), { ...defaultSources, preset }).cpu, START_MS)
  }
  for (const preset of presetNames) {
    const ratio = level(preset, '400m') / level(preset, '100m')
    assert(Math.abs(ratio - 4) < 0.001, `${preset}: ${ratio}`)
  }
})

usages('ignores a usage object that fails', () => {
  const sources = { ...defaultSources, fromObjects: () => ({ key: 'k', at: () => undefined }) }
  const annotated = pod({ annotations })
  assert.equal(demandAt(containerUsage(annotated, there(annotated.containers[0]), sources).cpu, START_MS), 500e6)
})

usages('is zero for a container that does not run', () => {
  const { cpu, memory } = containerUsage(pod(), { ...there(app), running: false })
  assert.deepEqual([cpu, memory], [constant(0), constant(0)])
})

usages('is never negative, and exceeds limits only for the presets bursty and leak', () => {
  const amounts = fc.option(fc.integer({ min: 0, max: 1e12 }), { nil: undefined })
  const limits = fc.integer({ min: 1, max: 1e12 })
  fc.assert(
    fc.property(
      fc.string(),
      fc.constantFrom(...presetNames),
      amounts,
      limits,
      times,
      (uid, preset, request, limit, at) => {
        const container = {
          ...there(app),
          cpuLimitNanoCores: limit,
          memoryLimitBytes: limit,
          ...(request === undefined ? {} : { cpuRequestNanoCores: request, memoryRequestBytes: request }),
        }
        const { cpu, memory } = containerUsage({ ...pod(), uid }, container, { ...defaultSources, preset })
        assert(demandAt(cpu, at) >= 0 && demandAt(memory, at) >= 0)
        assert(preset === 'bursty' || Math.round(demandAt(cpu, at)) <= limit)
        assert(preset === 'leak' || Math.round(demandAt(memory, at)) <= limit)
      },
    ),
    { numRuns: 1_000 },
  )
})

usages.run()

const shares = suite('pseudoRandom()')

shares('is spread over [0, 1)', () => {
  const values = Array.from({ length: 10_000 }, (_, at) => pseudoRandom(hash(`pod-${at}`), 3))
  assert(values.every(value => value >= 0 && value < 1))
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  assert(Math.abs(mean - 0.5) < 0.02, `mean ${mean}`)
})

shares.run()
