import { isIPv4 } from 'node:net'

/** A range of IPv4 addresses, such as 198.18.0.0/16. */
export interface IpRange {
  /** The first address as a number. */
  first: number
  /** The number of addresses. */
  size: number
  includes: (address: string) => boolean
}

/** Reads `A.B.C.D/N` of 8 to 30 bits; undefined for anything else, also for a base that is not the range's first address. */
export function ipRange(cidr: string): IpRange | undefined {
  const [base = '', bits = '', ...rest] = cidr.split('/')
  if (!isIPv4(base) || !/^[1-9]\d?$/.test(bits) || rest.length > 0) return undefined
  const size = 2 ** (32 - Number(bits))
  const first = ipNumber(base)
  if (size < 4 || size > 2 ** 24 || first % size !== 0) return undefined
  return {
    first,
    size,
    includes: address => isIPv4(address) && ipNumber(address) >= first && ipNumber(address) < first + size,
  }
}

/** An IPv4 address as a number. */
export function ipNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
}

/** A number as an IPv4 address. */
export function ipText(number: number): string {
  return [24, 16, 8, 0].map(shift => (number >>> shift) & 255).join('.')
}
