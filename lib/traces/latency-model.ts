import { pseudoRandom } from '../kubelet/usage/pseudo-random.ts'

/** Nothing is slower than twenty times its idle self: a queue that grows without end would not answer at all. */
const MOST_BUSY = 0.95

/** A number in [0, 1), each time another. */
export type Random = () => number

/** What a workload takes for a request when idle, without whom it calls: 1 to 12 ms, always the same for one seed. */
export function idleMs(seed: number): number {
  return 1 + 11 * pseudoRandom(seed, 11)
}

/**
 * What a pod takes for one request by itself, in milliseconds: as in a queue with one server, the idle time divided by the
 * share of its CPU that is free, and around that by chance, two thirds of all within a third up or down.
 */
export function serviceMs(idle: number, utilisation: number, random: Random): number {
  const busy = Math.min(MOST_BUSY, Math.max(0, utilisation))
  // The sum of three even chances is near enough to a normal one, and quick.
  const chance = (random() + random() + random() - 1.5) * 2
  return (idle / (1 - busy)) * Math.exp(0.33 * chance)
}

/** The way over the network, one way: 0.1 to 0.5 ms. */
export function networkMs(random: Random): number {
  return 0.1 + 0.4 * random()
}
