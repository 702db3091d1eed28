import { parseQuantity } from '../../kube/quantity.ts'

/** Nanocores in a core. */
export const NANO = 1e9

/** A quantity of the API in units of 1/scale; undefined for a missing, invalid or implausible quantity. */
export function amount(value: unknown, scale: number): number | undefined {
  const parsed = typeof value === 'string' ? parseQuantity(value) : undefined
  return parsed === undefined || !isPlausible(parsed * scale) ? undefined : Math.round(parsed * scale)
}

/** As `amount()`; undefined for 0, which for a kubelet is no request or limit. */
export function nonZeroAmount(value: unknown, scale: number): number | undefined {
  return amount(value, scale) || undefined
}

/** Up to 9 million cores or 8 PiB: integers up to this size are exact. */
export function isPlausible(value: number): boolean {
  return value >= 0 && value <= Number.MAX_SAFE_INTEGER
}
