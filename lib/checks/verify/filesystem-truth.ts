import { fields } from '../../kube/json.ts'

/** What a kubelet says of a file system: bytes and inodes. */
export interface SpaceFigures {
  capacity: number
  available: number
  used: number
  inodes: number
  inodesFree: number
  inodesUsed: number
}

/** A PersistentVolumeClaim. */
export interface Claim {
  namespace: string
  claim: string
}

/** Narrows a kubelet's `FsStats`; what it doesn't say is 0. */
export function spaceFigures(stats: unknown): SpaceFigures {
  const { capacityBytes, availableBytes, usedBytes, inodes, inodesFree, inodesUsed } = fields(stats)
  const number = (value: unknown) => (typeof value === 'number' ? value : 0)
  return {
    ...{ capacity: number(capacityBytes), available: number(availableBytes), used: number(usedBytes) },
    ...{ inodes: number(inodes), inodesFree: number(inodesFree), inodesUsed: number(inodesUsed) },
  }
}
