import type { ContainerFacts, PodFacts, PresetName } from '../objects/facts.ts'
import { hash } from './pseudo-random.ts'
import { type CpuCurve, constant, levelAt, type MemoryCurve, sameCurve } from './usage-curves.ts'
import { presetCpu, presetMemory } from './usage-presets.ts'

/** How long a sample of an expression is valid. */
export const SAMPLE_MS = 10_000

/** The level of an expression that depends on time or chance: it is sampled every ten seconds. */
export interface Sampled {
  kind: 'sampled'
  /** Equal for the same expression over the same objects. */
  key: string
  /** Nanocores or bytes at a time (epoch); always plausible. */
  level: (timeMs: number) => number
}

/** A container's demand and its limits; an infinite limit is no limit. */
export interface ContainerUsage {
  cpu: CpuCurve | Sampled
  memory: MemoryCurve | Sampled
  cpuLimitNanoCores: number
  memoryLimitBytes: number
}

/** The usage of one resource of a container by a usage object: a number, or a function of time that may fail (undefined). */
export type ObjectUsage = number | { key: string; at: (timeMs: number) => number | undefined }

/** The sources of usage other than the pod's annotations. */
export interface UsageSources {
  /** For pods without any other source. */
  preset: PresetName
  /** The usage by the first matching ResourceUsage or ClusterResourceUsage object, in nanocores or bytes. */
  fromObjects: (pod: PodFacts, container: ContainerFacts, resource: 'cpu' | 'memory') => ObjectUsage | undefined
}

/** No usage objects, and the default of `USAGE_PRESET`. */
export const defaultSources: UsageSources = { preset: 'steady', fromObjects: () => undefined }

/**
 * The usage of one container of a pod. For CPU and memory separately, the first of these counts:
 *
 * 1. zero for a container that does not run;
 * 2. the preset of the pod's annotation `kube-otel-lab/usage-preset`;
 * 3. a ResourceUsage, else a ClusterResourceUsage object;
 * 4. the pod's annotations `kwok.x-k8s.io/usage-cpu` and `…/usage-memory`; as in KWOK, each container uses the whole value;
 * 5. the preset of the sources (`USAGE_PRESET`).
 *
 * The path of a pod's CPU from here to `/stats/summary`:
 *
 *   containerUsage()    the demand of a container as a curve, and its limit       (this file)
 *   createPodMeter()    one meter for each container: curve, start, counters      (counters/pod-counters.ts)
 *   countersAt()        CPU time at a moment: the integral of the curve, cut at the limit
 *   sampleContainer()   whole numbers: nanocores now and core-nanoseconds so far  (counters/usage-samples.ts)
 *   measureNode()       containers add up to pods, pods to the node               (endpoints/node-measurement.ts)
 *   buildSummary()      the kubelet's JSON                                        (endpoints/stats-summary.ts)
 *   createStatsServer() GET /nodes/<node>/stats/summary                           (kubelet-server.ts)
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
  // Without a known start, a leak has reached its maximum.
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
    isSameDemand(a.cpu, b.cpu) &&
    isSameDemand(a.memory, b.memory)
  )
}

/** The demand at a time. */
export function demandAt(curve: CpuCurve | MemoryCurve | Sampled, timeMs: number): number {
  return curve.kind === 'sampled' ? curve.level(timeMs) : levelAt(curve, timeMs)
}

function isSameDemand(a: CpuCurve | MemoryCurve | Sampled, b: CpuCurve | MemoryCurve | Sampled): boolean {
  if (a.kind === 'sampled') return b.kind === 'sampled' && a.key === b.key
  if (b.kind === 'sampled') return false
  return sameCurve(a, b)
}

function fromObject<C extends CpuCurve | MemoryCurve>(
  usage: ObjectUsage | undefined,
  fallback: C,
): C | Sampled | ReturnType<typeof constant> {
  if (usage === undefined) return fallback
  if (typeof usage === 'number') return constant(usage)
  const { key, at } = usage
  return { kind: 'sampled', key, level: timeMs => at(timeMs) ?? levelAt(fallback, timeMs) }
}
