const SCALE: Record<string, number> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}

// A division by 1000 gives exactly 0.25 for 250m, a multiplication by 0.001 does not.
const DIVISOR: Record<string, number> = { m: 1e3, u: 1e6, n: 1e9 }

const QUANTITY = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?)$/

/**
 * The value of a Kubernetes quantity (`250m`, `1.5Gi`, `2e3`) in its base unit (cores, bytes), or undefined for an invalid text. It accepts
 * any sign and size: `-1`, `1e30`. The syntax is that of `resource.ParseQuantity` in k8s.io/apimachinery; the result has the 15 digits of a
 * double.
 */
export function parseQuantity(text: string): number | undefined {
  const match = QUANTITY.exec(text)
  if (match === null) return undefined
  const [, digits = '', exponent, suffix = ''] = match
  if (exponent !== undefined) return Number(`${digits}${exponent}`)
  const divisor = DIVISOR[suffix]
  return divisor === undefined ? Number(digits) * (SCALE[suffix] ?? Number.NaN) : Number(digits) / divisor
}
