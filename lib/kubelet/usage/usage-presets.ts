import type { ContainerFacts, PresetName } from '../objects/facts.ts'
import { share } from './pseudo-random.ts'
import { type CpuCurve, constant, type MemoryCurve, type Wave, waveBelow } from './usage-curves.ts'

const MIB = 2 ** 20
const DAY_MS = 86_400_000
/** What a container without requests and limits counts as asking for. */
const DEFAULT_CPU_NANO_CORES = 50e6
const DEFAULT_MEMORY_BYTES = 144 * MIB

/**
 * A container's CPU under a preset, each a pattern around what the container requests (its limit, where there is no request;
 * 50m, where there is neither), so that a pod's usage is split among its containers as their requests are. What is made up
 * depends on the seed alone:
 *
 * - `steady`: 20 to 80 % of the request, up and down by a fifth in 5 to 15 minutes;
 * - `diurnal`: around half the request, up and down by 80 % of that in a day, highest at about 14:00 UTC;
 * - `bursty`: a tenth of the request, and for one of each 5 minutes two to four times the request;
 * - `leak`: as `steady` (it is memory that leaks);
 * - `idle`: one hundredth of the request.
 *
 * All but `bursty` stay under the limit; what a burst wants above it is throttled.
 */
export function presetCpu(preset: PresetName, container: ContainerFacts, seed: number): CpuCurve {
  const base = container.cpuRequestNanoCores || container.cpuLimitNanoCores || DEFAULT_CPU_NANO_CORES
  const limit = container.cpuLimitNanoCores ?? Number.POSITIVE_INFINITY
  switch (preset) {
    case 'diurnal':
      return daily(seed, { mean: Math.round(base * (0.4 + 0.2 * share(seed, 3))), swing: 0.8, limit })
    case 'bursty':
      return {
        kind: 'pulse',
        low: Math.round(base * 0.1),
        high: Math.round(base * (2 + 2 * share(seed, 3))),
        onMs: 60_000,
        periodMs: 300_000,
        phaseMs: Math.floor(300_000 * share(seed, 2)),
      }
    case 'idle':
      return constant(Math.min(Math.round(base * 0.01), limit))
    default:
      return minutes(seed, { mean: Math.round(base * (0.2 + 0.6 * share(seed, 3))), swing: 0.2, limit })
  }
}

/**
 * A container's memory under a preset, as `presetCpu`: 40 to 90 % of the request (of 144Mi, without request and limit), up and
 * down by a twentieth; `diurnal` by a fifth in a day; `idle` a fifth of the request. `leak` begins at 40 % of the request when
 * the pod starts and grows by the request each hour, up to four times the request or what the limit allows.
 */
export function presetMemory(
  preset: PresetName,
  container: ContainerFacts,
  seed: number,
  startMs: number,
): MemoryCurve {
  const base = container.memoryRequestBytes || container.memoryLimitBytes || DEFAULT_MEMORY_BYTES
  const limit = container.memoryLimitBytes ?? Number.POSITIVE_INFINITY
  const mean = Math.round(base * (0.4 + 0.5 * share(seed, 4)))
  switch (preset) {
    case 'diurnal':
      return daily(seed, { mean: Math.round(mean * 0.8), swing: 0.2, limit })
    case 'leak':
      return { kind: 'ramp', from: Math.round(base * 0.4), perHour: base, sinceMs: startMs, most: 4 * base }
    case 'idle':
      return constant(Math.min(Math.round(base * 0.2), limit))
    default:
      return minutes(seed, { mean, swing: 0.05, limit })
  }
}

interface Level {
  mean: number
  swing: number
  limit: number
}

function minutes(seed: number, { mean, swing, limit }: Level): Wave {
  const periodMs = Math.round(300_000 + 600_000 * share(seed, 1))
  return waveBelow(limit, { mean, swing, periodMs, phase: share(seed, 2) })
}

/** The sine's highest point, a quarter of a turn, falls to 14:00, give or take an hour. */
function daily(seed: number, { mean, swing, limit }: Level): Wave {
  const highestHour = 14 + 2 * (share(seed, 2) - 0.5)
  return waveBelow(limit, { mean, swing, periodMs: DAY_MS, phase: 1 + 0.25 - highestHour / 24 })
}
