import { parseQuantity } from '../../kube/quantity.ts'

/** Nanocores in a core. */
export const NANO = 1e9

/** A quantity of the API in units of 1/scale; undefined when it isn't there or isn't a sane amount. */
export function amount(value: unknown, scale: number): number | undefined {
  const parsed = typeof value === 'string' ? parseQuantity(value) : undefined
  return parsed === undefined || !isSane(parsed * scale) ? undefined : Math.round(parsed * scale)
}

/** A request or limit. A kubelet takes 0 for none. */
export function resource(value: unknown, scale: number): number | undefined {
  return amount(value, scale) || undefined
}

/** Up to 9 million cores or 8 PiB: no machine has more, and all up to here is exact. */
export function isSane(value: number): boolean {
  return value >= 0 && value <= Number.MAX_SAFE_INTEGER
}
