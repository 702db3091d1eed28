import type { ContainerFacts, PodFacts, PresetName } from '../objects/facts.ts'
import { hash } from './pseudo-random.ts'
import { type CpuCurve, constant, levelAt, type MemoryCurve, sameCurve } from './usage-curves.ts'
import { presetCpu, presetMemory } from './usage-presets.ts'

/** How long a value that depends on time or chance holds. */
export const SAMPLE_MS = 10_000

/** A level that has to be asked for, and holds for ten seconds: what an expression over time or chance gives. */
export interface Sampled {
  kind: 'sampled'
  /** The same for the same expression over the same objects. */
  key: string
  /** Nanocores or bytes at a time (epoch); always a sane number. */
  level: (timeMs: number) => number
}

/** What a container wants, and what it can get. Infinite limits are none. */
export interface ContainerUsage {
  cpu: CpuCurve | Sampled
  memory: MemoryCurve | Sampled
  cpuLimitNanoCores: number
  memoryLimitBytes: number
}

/** What a usage object says about one resource of a container: a number, or a function of time that may fail (undefined). */
export type ObjectUsage = number | { key: string; at: (timeMs: number) => number | undefined }

/** Where usage comes from beside the pod itself. */
export interface UsageSources {
  /** For pods that nothing else is said about. */
  preset: PresetName
  /** What the first ResourceUsage or ClusterResourceUsage object says that fits, in nanocores or bytes. */
  fromObjects: (pod: PodFacts, container: ContainerFacts, resource: 'cpu' | 'memory') => ObjectUsage | undefined
}

/** No usage objects, and the preset that `USAGE_PRESET` is by default. */
export const defaultSources: UsageSources = { preset: 'steady', fromObjects: () => undefined }

/**
 * What one container of a pod uses. For CPU and memory each, in this order:
 *
 * 1. nothing, when it isn't running;
 * 2. the preset that the pod's annotation `kube-otel-lab/usage-preset` names;
 * 3. what a ResourceUsage, else a ClusterResourceUsage object says;
 * 4. the pod's annotations `kwok.x-k8s.io/usage-cpu` and `…/usage-memory`, the whole value for each container as KWOK reads
 *    it;
 * 5. the preset of the sources (`USAGE_PRESET`).
 */
export function containerUsage(
  pod: PodFacts,
  container: ContainerFacts,
  sources: UsageSources = defaultSources,
): ContainerUsage {
  const { cpuLimitNanoCores = Number.POSITIVE_INFINITY, memoryLimitBytes = Number.POSITIVE_INFINITY } = container
  const limits = { cpuLimitNanoCores, memoryLimitBytes }
  if (!container.running) return { cpu: constant(0), memory: constant(0), ...limits }
  const seed = hash(`${pod.uid}/${container.name}`)
  // A pod whose start isn't known leaks from the beginning of time to the most there is; better from now, which is later.
  const startMs = Number.isFinite(pod.startMs) ? pod.startMs : 0
  const preset = pod.preset ?? sources.preset
  const fallbackCpu =
    pod.preset === undefined && pod.usageCpuNanoCores !== undefined
      ? constant(pod.usageCpuNanoCores)
      : presetCpu(preset, container, seed)
  const fallbackMemory =
    pod.preset === undefined && pod.usageMemoryBytes !== undefined
      ? constant(pod.usageMemoryBytes)
      : presetMemory(preset, container, seed, startMs)
  if (pod.preset !== undefined) return { cpu: fallbackCpu, memory: fallbackMemory, ...limits }
  return {
    cpu: fromObject(sources.fromObjects(pod, container, 'cpu'), fallbackCpu),
    memory: fromObject(sources.fromObjects(pod, container, 'memory'), fallbackMemory),
    ...limits,
  }
}

/** Whether two usages are the same at every time. */
export function sameUsage(a: ContainerUsage, b: ContainerUsage): boolean {
  return (
    a.cpuLimitNanoCores === b.cpuLimitNanoCores &&
    a.memoryLimitBytes === b.memoryLimitBytes &&
    same(a.cpu, b.cpu) &&
    same(a.memory, b.memory)
  )
}

/** The level that is wanted at a time, whole. */
export function demandAt(curve: CpuCurve | MemoryCurve | Sampled, timeMs: number): number {
  return curve.kind === 'sampled' ? curve.level(timeMs) : levelAt(curve, timeMs)
}

function same(a: CpuCurve | MemoryCurve | Sampled, b: CpuCurve | MemoryCurve | Sampled): boolean {
  if (a.kind === 'sampled') return b.kind === 'sampled' && a.key === b.key
  if (b.kind === 'sampled') return false
  return sameCurve(a, b)
}

function fromObject<C extends CpuCurve | MemoryCurve>(
  said: ObjectUsage | undefined,
  fallback: C,
): C | Sampled | ReturnType<typeof constant> {
  if (said === undefined) return fallback
  if (typeof said === 'number') return constant(said)
  const { key, at } = said
  return { kind: 'sampled', key, level: timeMs => at(timeMs) ?? levelAt(fallback, timeMs) }
}
