import { pseudoRandom } from '../kubelet/usage/pseudo-random.ts'

/** Limits the latency to twenty times the idle latency; at 1 the queue would grow without end. */
const MAX_UTILISATION = 0.95

/** A random number in [0, 1). */
export type Random = () => number

/** The latency of an idle workload without its calls: 1 to 12 ms, constant for a seed. */
export function idleMs(seed: number): number {
  return 1 + 11 * pseudoRandom(seed, 11)
}

/**
 * A pod's latency for one request without its calls, in milliseconds: as in a queue with one server, the idle latency divided by
 * the free share of its CPU, with a random factor: two thirds of all are within a third of the mean.
 */
export function serviceMs(idle: number, utilisation: number, random: Random): number {
  const busy = Math.min(MAX_UTILISATION, Math.max(0, utilisation))
  // The sum of three uniform values approximates a normal distribution.
  const deviation = (random() + random() + random() - 1.5) * 2
  return (idle / (1 - busy)) * Math.exp(0.33 * deviation)
}

/** Network latency in one direction: 0.1 to 0.5 ms. */
export function networkMs(random: Random): number {
  return 0.1 + 0.4 * random()
}
