import type { ContainerFacts, PresetName } from '../objects/facts.ts'
import { pseudoRandom } from './pseudo-random.ts'
import { type CpuCurve, constant, type MemoryCurve, type Wave, waveBelow } from './usage-curves.ts'

const MIB = 2 ** 20
const DAY_MS = 86_400_000
/** The base of a container without requests and limits. */
const DEFAULT_CPU_NANO_CORES = 50e6
const DEFAULT_MEMORY_BYTES = 144 * MIB

/**
 * A container's CPU demand under a preset: a pattern relative to its request (its limit without a request, 50m without
 * both), so that containers share a pod's usage in proportion to their requests. It depends only on the seed:
 *
 * - `steady`: 20 to 80 % of the request, plus or minus a fifth over 5 to 15 minutes;
 * - `diurnal`: about half the request, plus or minus 80 % of that over a day, with the peak at about 14:00 UTC;
 * - `bursty`: a tenth of the request, and two to four times the request for one minute in five;
 * - `leak`: as `steady` (memory leaks);
 * - `idle`: one hundredth of the request.
 *
 * All but `bursty` stay below the limit; a burst above the limit is throttled.
 */
export function presetCpu(preset: PresetName, container: ContainerFacts, seed: number): CpuCurve {
  const base = container.cpuRequestNanoCores || container.cpuLimitNanoCores || DEFAULT_CPU_NANO_CORES
  const limit = container.cpuLimitNanoCores ?? Number.POSITIVE_INFINITY
  switch (preset) {
    case 'diurnal':
      return dailyWave(seed, { mean: Math.round(base * (0.4 + 0.2 * pseudoRandom(seed, 3))), swing: 0.8, limit })
    case 'bursty':
      return {
        kind: 'pulse',
        low: Math.round(base * 0.1),
        high: Math.round(base * (2 + 2 * pseudoRandom(seed, 3))),
        onMs: 60_000,
        periodMs: 300_000,
        phaseMs: Math.floor(300_000 * pseudoRandom(seed, 2)),
      }
    case 'idle':
      return constant(Math.min(Math.round(base * 0.01), limit))
    default:
      return shortWave(seed, { mean: Math.round(base * (0.2 + 0.6 * pseudoRandom(seed, 3))), swing: 0.2, limit })
  }
}

/**
 * A container's memory demand under a preset, as `presetCpu`: 40 to 90 % of the request (of 144Mi without request and limit),
 * plus or minus 5 %; `diurnal` plus or minus 20 % over a day; `idle` 20 % of the request. `leak` starts at 40 % of the request
 * when the pod starts and grows by the request each hour, up to four times the request or the limit.
 */
export function presetMemory(
  preset: PresetName,
  container: ContainerFacts,
  seed: number,
  startMs: number,
): MemoryCurve {
  const base = container.memoryRequestBytes || container.memoryLimitBytes || DEFAULT_MEMORY_BYTES
  const limit = container.memoryLimitBytes ?? Number.POSITIVE_INFINITY
  const mean = Math.round(base * (0.4 + 0.5 * pseudoRandom(seed, 4)))
  switch (preset) {
    case 'diurnal':
      return dailyWave(seed, { mean: Math.round(mean * 0.8), swing: 0.2, limit })
    case 'leak':
      return { kind: 'ramp', from: Math.round(base * 0.4), perHour: base, sinceMs: startMs, most: 4 * base }
    case 'idle':
      return constant(Math.min(Math.round(base * 0.2), limit))
    default:
      return shortWave(seed, { mean, swing: 0.05, limit })
  }
}

interface Level {
  mean: number
  swing: number
  limit: number
}

function shortWave(seed: number, { mean, swing, limit }: Level): Wave {
  const periodMs = Math.round(300_000 + 600_000 * pseudoRandom(seed, 1))
  return waveBelow(limit, { mean, swing, periodMs, phase: pseudoRandom(seed, 2) })
}

/** The peak of the sine, a quarter of a turn, is at 14:00 plus or minus an hour. */
function dailyWave(seed: number, { mean, swing, limit }: Level): Wave {
  const highestHour = 14 + 2 * (pseudoRandom(seed, 2) - 0.5)
  return waveBelow(limit, { mean, swing, periodMs: DAY_MS, phase: 1 + 0.25 - highestHour / 24 })
}
