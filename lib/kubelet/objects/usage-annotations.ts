import { parseQuantity } from '../../kube/quantity.ts'
import { type BadAnnotation, isPresetName, type PresetName, presetNames } from './facts.ts'
import { isSane, NANO } from './resource-amounts.ts'

/** The annotations by which KWOK's shipped ClusterResourceUsage sets usage, each container the whole of it (facts/kwok.md 4.8). */
const USAGE_CPU = 'kwok.x-k8s.io/usage-cpu'
const USAGE_MEMORY = 'kwok.x-k8s.io/usage-memory'
/** Names one of the presets for a pod, and goes before everything else. */
const USAGE_PRESET = 'kube-otel-lab/usage-preset'

/** What a pod's annotations say of its usage; those that can't be used count as not there. */
export interface UsageAnnotations {
  cpuNanoCores: number | undefined
  memoryBytes: number | undefined
  preset: PresetName | undefined
  bad: BadAnnotation[]
}

/** Reads the annotations that are about usage. */
export function usageAnnotations(annotations: Record<string, unknown>): UsageAnnotations {
  const bad: BadAnnotation[] = []
  const cpuNanoCores = usageOf(annotations, USAGE_CPU, NANO, bad)
  const memoryBytes = usageOf(annotations, USAGE_MEMORY, 1, bad)
  return { cpuNanoCores, memoryBytes, preset: presetOf(annotations, bad), bad }
}

function usageOf(
  annotations: Record<string, unknown>,
  name: string,
  scale: number,
  bad: BadAnnotation[],
): number | undefined {
  const value = annotations[name]
  if (typeof value !== 'string') return undefined
  const parsed = parseQuantity(value)
  if (parsed !== undefined && isSane(parsed * scale)) return Math.round(parsed * scale)
  const why = parsed === undefined ? 'is not a quantity' : parsed < 0 ? 'is negative' : 'is more than any machine has'
  bad.push({ name, value: value.slice(0, 100), why })
  return undefined
}

function presetOf(annotations: Record<string, unknown>, bad: BadAnnotation[]): PresetName | undefined {
  const value = annotations[USAGE_PRESET]
  if (typeof value !== 'string') return undefined
  if (isPresetName(value)) return value
  bad.push({ name: USAGE_PRESET, value: value.slice(0, 100), why: `is not one of ${presetNames.join(', ')}` })
  return undefined
}
