import { volumeFilling, volumeFull, volumeInodesFull } from '../../lab/manifest.ts'
import { wholeNumber } from '../counters/usage-samples.ts'
import type { PodFacts, VolumeFacts } from '../objects/facts.ts'
import { hash, pseudoRandom } from '../usage/pseudo-random.ts'

const BLOCK_BYTES = 4_096
const MIB = 2 ** 20
const GIB = 2 ** 30
/** ext4's default. */
const BYTES_PER_INODE = 16_384
/** The disk of a node without a storage capacity. */
const DEFAULT_DISK_BYTES = 100 * GIB
/** The size of every claim: a Pod does not have it. */
const CLAIM_BYTES = 10 * GIB
/** How full a scenario makes it, and in what time if it fills. */
const FULL = 0.98
const FILLING_MS = 600_000
/** The size of tmpfs without a limit on a node without a memory capacity. */
const DEFAULT_TMPFS_BYTES = 16 * GIB

/** A disk or tmpfs, shared by everything on it. */
export interface Filesystem {
  capacityBytes: number
  availableBytes: number
}

/** The space that one thing uses on a filesystem. */
export interface Space {
  usedBytes: number
  inodesUsed: number
}

/** The space that a pod uses on its node's disk. It is constant: it depends only on the pod's UID and container names. */
export interface PodStorage {
  /** In the order of the seeds. */
  containers: { rootfs: Space; logs: Space }[]
  /** Volumes on the disk. */
  volumes: Map<string, Space>
  /** The sum: a kubelet's ephemeral storage. */
  total: Space
}

/** A pod's storage; `seeds` are the seeds of its running containers. */
export function podStorage(pod: PodFacts, seeds: number[]): PodStorage {
  const total: Space = { usedBytes: 0, inodesUsed: 0 }
  const count = (space: Space): Space => {
    total.usedBytes += space.usedBytes
    total.inodesUsed += space.inodesUsed
    return space
  }
  const containers = seeds.map(seed => ({
    rootfs: count({
      usedBytes: blocks(8 * MIB * pseudoRandom(seed, 30)),
      inodesUsed: 10 + Math.floor(40 * pseudoRandom(seed, 31)),
    }),
    logs: count({ usedBytes: blocks(MIB * pseudoRandom(seed, 32)), inodesUsed: 1 }),
  }))
  const volumes = new Map<string, Space>()
  for (const volume of pod.volumes) {
    if (volume.kind === 'disk') volumes.set(volume.name, count(healthySpace(pod, volume)))
  }
  return { containers, volumes, total }
}

/** Bytes and inodes of a file system, as a summary has them. */
export type FsStats = ReturnType<typeof fsStats>
/** Those of a volume, with its PersistentVolumeClaim if it has one. */
export type VolumeStats = FsStats & { name: string; pvcRef?: { name: string; namespace: string } }

/** A kubelet's stats of a pod's volumes, in the order of its spec. */
export function volumeStats(
  pod: PodFacts,
  storage: PodStorage,
  disk: Filesystem,
  memoryCapacityBytes: number | undefined,
  time: string,
): VolumeStats[] {
  return pod.volumes.map(volume => {
    const { name, claimName, limitBytes } = volume
    const space = storage.volumes.get(name) ?? volumeSpace(pod, volume, time)
    if (claimName !== undefined) {
      const pvcRef = { name: claimName, namespace: pod.namespace }
      return { ...fsStats(separateFilesystem(CLAIM_BYTES, space), space, time), name, pvcRef }
    }
    if (volume.kind === 'disk') return { ...fsStats(disk, space, time), name }
    const capacityBytes = limitBytes ?? memoryCapacityBytes ?? DEFAULT_TMPFS_BYTES
    return { ...fsStats(separateFilesystem(capacityBytes, space), space, time), name }
  })
}

/** A node's disk, and the space that its system and its pods use. */
export function nodeDisk(
  seed: number,
  storageCapacityBytes: number | undefined,
  pods: Space,
): { disk: Filesystem; used: Space } {
  const capacityBytes = storageCapacityBytes ?? DEFAULT_DISK_BYTES
  const system = blocks(capacityBytes * (0.05 + 0.1 * pseudoRandom(seed, 40)))
  const usedBytes = Math.min(capacityBytes, system + pods.usedBytes)
  return {
    disk: { capacityBytes, availableBytes: capacityBytes - usedBytes },
    used: { usedBytes, inodesUsed: 150_000 + pods.inodesUsed },
  }
}

/** A kubelet's stats of a filesystem for one thing on it. */
export function fsStats({ capacityBytes, availableBytes }: Filesystem, space: Space, time: string) {
  const inodes = Math.max(Math.floor(capacityBytes / BYTES_PER_INODE), space.inodesUsed)
  return {
    time,
    availableBytes: wholeNumber(availableBytes),
    capacityBytes: wholeNumber(capacityBytes),
    usedBytes: wholeNumber(space.usedBytes),
    // The same share of inodes and bytes is free.
    inodesFree: Math.min(
      inodes - space.inodesUsed,
      Math.floor(inodes * (capacityBytes > 0 ? availableBytes / capacityBytes : 0)),
    ),
    inodes,
    inodesUsed: space.inodesUsed,
  }
}

function volumeSpace(pod: PodFacts, volume: VolumeFacts, time: string): Space {
  const space = healthySpace(pod, volume)
  if (volume.kind !== 'claim') return space
  if (pod.scenario === volumeFilling) {
    const sinceMs = Date.parse(time) - (pod.scenarioStartMs ?? Number.POSITIVE_INFINITY)
    const share = Math.min(1, Math.max(0, sinceMs / FILLING_MS))
    return { ...space, usedBytes: blocks(space.usedBytes + share * (FULL * CLAIM_BYTES - space.usedBytes)) }
  }
  if (pod.scenario === volumeFull) return { ...space, usedBytes: blocks(FULL * CLAIM_BYTES) }
  if (pod.scenario === volumeInodesFull)
    return { ...space, inodesUsed: Math.floor((FULL * CLAIM_BYTES) / BYTES_PER_INODE) }
  return space
}

function healthySpace(pod: PodFacts, { name, kind, claimName, limitBytes }: VolumeFacts): Space {
  if (kind === 'memory') return { usedBytes: Math.min(3 * BLOCK_BYTES, limitBytes ?? 3 * BLOCK_BYTES), inodesUsed: 9 }
  // Pods that share a claim report the same bytes.
  const seed = hash(claimName === undefined ? `${pod.uid}/${name}` : `${pod.namespace}/${claimName}`)
  const most = claimName === undefined ? Math.min(64 * MIB, limitBytes ?? 64 * MIB) : 0.7 * CLAIM_BYTES
  const least = claimName === undefined ? 0 : 0.2 * CLAIM_BYTES
  return {
    usedBytes: blocks(least + (most - least) * pseudoRandom(seed, 50)),
    inodesUsed: 1 + Math.floor(2_000 * pseudoRandom(seed, 51)),
  }
}

function separateFilesystem(capacityBytes: number, { usedBytes }: Space): Filesystem {
  return { capacityBytes, availableBytes: Math.max(0, capacityBytes - usedBytes) }
}

function blocks(bytes: number): number {
  return Math.floor(bytes / BLOCK_BYTES) * BLOCK_BYTES
}
