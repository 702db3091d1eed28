import { parseQuantity } from '../../kube/quantity.ts'
import { type BadAnnotation, isPresetName, type PresetName, presetNames } from './facts.ts'
import { isPlausible, NANO } from './resource-amounts.ts'

/** The annotations that KWOK's ClusterResourceUsage reads. Each container uses the whole value. */
const USAGE_CPU = 'kwok.x-k8s.io/usage-cpu'
const USAGE_MEMORY = 'kwok.x-k8s.io/usage-memory'
/** A pod's preset, which has priority over every other source of usage. */
const USAGE_PRESET = 'kube-otel-lab/usage-preset'

/** Reads the usage annotations of a pod; invalid ones count as missing, and are in `bad`. */
export function usageAnnotations(annotations: Record<string, unknown>) {
  const bad: BadAnnotation[] = []
  const cpuNanoCores = quantityOf(annotations, USAGE_CPU, NANO, bad)
  const memoryBytes = quantityOf(annotations, USAGE_MEMORY, 1, bad)
  return { cpuNanoCores, memoryBytes, preset: presetOf(annotations, bad), bad }
}

function quantityOf(
  annotations: Record<string, unknown>,
  name: string,
  scale: number,
  bad: BadAnnotation[],
): number | undefined {
  const value = annotations[name]
  if (typeof value !== 'string') return undefined
  const parsed = parseQuantity(value)
  if (parsed !== undefined && isPlausible(parsed * scale)) return Math.round(parsed * scale)
  const why = parsed === undefined ? 'is not a quantity' : parsed < 0 ? 'is negative' : 'is too large'
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
