import { createHash } from 'node:crypto'
import { LabError } from '../cli/errors.ts'
import { isPortFree } from '../system/ports.ts'

/** The options of kwokctl's configuration with the ports of the control plane. */
const options = [
  'etcdPort',
  'etcdPeerPort',
  'kubeApiserverPort',
  'kubeControllerManagerPort',
  'kubeSchedulerPort',
  'kwokControllerPort',
] as const
export type PortOption = (typeof options)[number]

/** Below Linux's ephemeral ports, in blocks of one cluster each. */
const FIRST_PORT = 28_672
const BLOCK_PORTS = 8
const BLOCKS = 512

/**
 * Free ports for a cluster's control plane, as options of kwokctl's configuration. The hash of the cluster's folder selects a block of
 * ports, or the next free one. kwokctl counts down from 32766 to ports that are free at that moment: it gives the same ports to two
 * clusters that are created at the same time, or those of a cluster that is restarting.
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
  throw new LabError('There are no free ports for the control plane', {
    why: `none of ${BLOCKS} blocks of ports from ${FIRST_PORT} on is free`,
    next: 'take down a lab that you do not need',
  })
}
