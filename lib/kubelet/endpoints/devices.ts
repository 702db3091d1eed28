/**
 * Disk operations and packets are derived from bytes with fixed sizes. So they never decrease, and a node's are the sum of its
 * pods' and its system's, except for rounding.
 */
const everyBytes = (size: number) => (bytes: number) => Math.floor(bytes / size)

/** One of this many received packets is dropped, and one of ten times as many sent packets. */
const RX_PACKETS_PER_DROP = 20_000

/** The names of a node's disk and network interface. */
export const DISK_DEVICE = '/dev/vda'
export const NETWORK_DEVICE = 'eth0'

export const reads = everyBytes(16_384)
export const writes = everyBytes(8_192)
export const rxPackets = everyBytes(850)
export const txPackets = everyBytes(620)
export const rxDropped = (rxBytes: number) => Math.floor(rxPackets(rxBytes) / RX_PACKETS_PER_DROP)
export const txDropped = (txBytes: number) => Math.floor(txPackets(txBytes) / RX_PACKETS_PER_DROP / 10)
