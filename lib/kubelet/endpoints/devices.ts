/**
 * Disk operations and packets, made from bytes at fixed sizes: so they never fall, and those of a node are those of its pods
 * and its system, give or take the rounding.
 */
const READ_BYTES = 16_384
const WRITE_BYTES = 8_192
const RX_PACKET_BYTES = 850
const TX_PACKET_BYTES = 620
/** Of so many received packets one is dropped; of sent ones a tenth of that. */
const RX_PACKETS_A_DROP = 20_000

/** The node's disk and network card, as they are named everywhere. */
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
  return Math.floor(rxPackets(rxBytes) / RX_PACKETS_A_DROP)
}

export function txDropped(txBytes: number): number {
  return Math.floor(txPackets(txBytes) / RX_PACKETS_A_DROP / 10)
}
