/**
 * Disk operations and packets are derived from bytes with fixed sizes. So they never decrease, and a node's are the sum of its
 * pods' and its system's, except for rounding.
 */
const READ_BYTES = 16_384
const WRITE_BYTES = 8_192
const RX_PACKET_BYTES = 850
const TX_PACKET_BYTES = 620
/** One of this many received packets is dropped, and one of ten times as many sent packets. */
const RX_PACKETS_PER_DROP = 20_000

/** The names of a node's disk and network interface. */
export const DISK_DEVICE = '/dev/vda'
export const NETWORK_DEVICE = 'eth0'

export function reads(readBytes: number): number {
  return Math.floor(readBytes / READ_BYTES)
}

export function writes(writtenBytes: number): number {
  return Math.floor(writtenBytes / WRITE_BYTES)
}

export function rxPackets(rxBytes: number): number {
  return Math.floor(rxBytes / RX_PACKET_BYTES)
}

export function txPackets(txBytes: number): number {
  return Math.floor(txBytes / TX_PACKET_BYTES)
}

export function rxDropped(rxBytes: number): number {
  return Math.floor(rxPackets(rxBytes) / RX_PACKETS_PER_DROP)
}

export function txDropped(txBytes: number): number {
  return Math.floor(txPackets(txBytes) / RX_PACKETS_PER_DROP / 10)
}
