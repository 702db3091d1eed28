import { createHash } from 'node:crypto'
import { LabError } from '../cli/errors.ts'
import { isPortFree } from '../system/ports.ts'

/** Options of kwokctl's configuration that are ports of the control plane. */
const options = [
  'etcdPort',
  'etcdPeerPort',
  'kubeApiserverPort',
  'kubeControllerManagerPort',
  'kubeSchedulerPort',
  'kwokControllerPort',
] as const
export type PortOption = (typeof options)[number]

/** Below the ports that Linux gives to clients, in blocks of one cluster each. */
const FIRST_PORT = 28_672
const BLOCK_PORTS = 8
const BLOCKS = 512

/**
 * Free ports for a cluster's control plane, as options of kwokctl's configuration: of a block that the cluster's folder names, or the next
 * that is free. kwokctl itself would count down from 32766 to those that nobody holds at that moment, and give the same ones to two clusters
 * that are made at a time, or those of a cluster that is just being started anew.
 */
export async function freeComponentPorts(
  clusterDir: string,
  isFree: (port: number) => Promise<boolean> = isPortFree,
): Promise<Record<PortOption, number>> {
  const start = createHash('sha256').update(clusterDir).digest().readUInt32BE() % BLOCKS
  for (let tries = 0; tries < BLOCKS; tries++) {
    const first = FIRST_PORT + ((start + tries) % BLOCKS) * BLOCK_PORTS
    const ports = options.map((option, at) => [option, first + at] as const)
    const areFree = await Promise.all(ports.map(([, port]) => isFree(port)))
    if (areFree.every(free => free)) return Object.fromEntries(ports) as Record<PortOption, number>
  }
  throw new LabError('There are no ports for the control plane', {
    why: `none of ${BLOCKS} blocks of ports from ${FIRST_PORT} on is free`,
    next: 'take down a lab that you do not need',
  })
}
