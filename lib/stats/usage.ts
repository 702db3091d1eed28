import type { ContainerFacts, PodFacts } from './objects.ts'

const TURN = 2 * Math.PI
const MIB = 2 ** 20

/**
 * A level over time: `mean · (1 + swing · sin)`, repeating each `periodMs`. Its integral is known exactly, so a counter needs
 * no sampling. Units are the caller's (nanocores, bytes). `swing` is below 1, so it never goes negative.
 */
export interface Wave {
  mean: number
  swing: number
  periodMs: number
  /** Where in the period the epoch lies, 0 to 1. */
  phase: number
}

/** What a container uses: nanocores, and bytes of working set. */
export interface ContainerUsage {
  cpu: Wave
  memory: Wave
}

/** The same level for ever. */
export function constant(mean: number): Wave {
  return { mean, swing: 0, periodMs: 1, phase: 0 }
}

/** The level at a time (epoch). */
export function levelAt(wave: Wave, timeMs: number): number {
  return wave.swing === 0 ? wave.mean : wave.mean * (1 + wave.swing * Math.sin(angleAt(wave, timeMs)))
}

/** The level integrated from one time to a later one, in level · seconds; 0 when the end isn't later. Grows with `untilMs`. */
export function integral(wave: Wave, fromMs: number, untilMs: number): number {
  if (untilMs <= fromMs) return 0
  const steady = wave.mean * ((untilMs - fromMs) / 1_000)
  if (wave.swing === 0) return steady
  const swung = Math.cos(angleAt(wave, fromMs)) - Math.cos(angleAt(wave, untilMs))
  return steady + ((wave.mean * wave.swing * wave.periodMs) / 1_000 / TURN) * swung
}

/** Whether two waves are the same level at every time. */
export function sameWave(a: Wave, b: Wave): boolean {
  return a.mean === b.mean && a.swing === b.swing && a.periodMs === b.periodMs && a.phase === b.phase
}

/**
 * What one container of a pod uses. In this order:
 *
 * 1. 0 cores and 0 bytes when it isn't running;
 * 2. the pod's annotations `kwok.x-k8s.io/usage-cpu` and `…/usage-memory`, each by itself, the whole value for each container
 *    as KWOK reads it;
 * 3. a steady pattern that depends on nothing but the pod's UID and the container's name: 20 to 80 % of the CPU request,
 *    40 to 90 % of the memory request (of the limit, where there is no request; of 50m and 144Mi, where there is neither),
 *    going up and down by a fifth (memory by a twentieth) in 5 to 15 minutes.
 *
 * Never more than the limits.
 */
export function containerUsage(pod: PodFacts, container: ContainerFacts): ContainerUsage {
  if (!container.running) return { cpu: constant(0), memory: constant(0) }
  const seed = hash(`${pod.uid}/${container.name}`)
  const { cpuLimitNanoCores = Number.POSITIVE_INFINITY, memoryLimitBytes = Number.POSITIVE_INFINITY } = container
  const cpuBase = container.cpuRequestNanoCores || container.cpuLimitNanoCores || 50e6
  const memoryBase = container.memoryRequestBytes || container.memoryLimitBytes || 144 * MIB
  const timing = { periodMs: Math.round(300_000 + 600_000 * share(seed, 1)), phase: share(seed, 2) }
  return {
    cpu:
      pod.usageCpuNanoCores === undefined
        ? capped({ mean: Math.round(cpuBase * (0.2 + 0.6 * share(seed, 3))), swing: 0.2, ...timing }, cpuLimitNanoCores)
        : constant(Math.min(pod.usageCpuNanoCores, cpuLimitNanoCores)),
    memory:
      pod.usageMemoryBytes === undefined
        ? capped(
            { mean: Math.round(memoryBase * (0.4 + 0.5 * share(seed, 4))), swing: 0.05, ...timing },
            memoryLimitBytes,
          )
        : constant(Math.min(pod.usageMemoryBytes, memoryLimitBytes)),
  }
}

/** A number that says nothing but is the same for the same text: 32 bits (FNV-1a). */
export function hash(text: string): number {
  let value = 0x811c9dc5
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  return value >>> 0
}

/** The salt-th number in [0, 1) that belongs to a hash (the mixing steps of MurmurHash3). */
export function share(seed: number, salt: number): number {
  let value = seed ^ Math.imul(salt, 0x9e3779b1)
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return ((value ^ (value >>> 16)) >>> 0) / 2 ** 32
}

function capped(wave: Wave, limit: number): Wave {
  return { ...wave, mean: Math.min(wave.mean, limit / (1 + wave.swing)) }
}

function angleAt(wave: Wave, timeMs: number): number {
  // The fraction first: an angle of 10^10 turns would have lost the digits that count.
  return TURN * ((timeMs % wave.periodMs) / wave.periodMs + wave.phase)
}
