import { fields } from '../../kube/json.ts'

/** The file system values of a kubelet: bytes and inodes. */
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

/** Reads a kubelet's `FsStats`; missing values are 0. */
export function spaceFigures(stats: unknown): SpaceFigures {
  const { capacityBytes, availableBytes, usedBytes, inodes, inodesFree, inodesUsed } = fields(stats)
  const number = (value: unknown) => (typeof value === 'number' ? value : 0)
  return {
    ...{ capacity: number(capacityBytes), available: number(availableBytes), used: number(usedBytes) },
    ...{ inodes: number(inodes), inodesFree: number(inodesFree), inodesUsed: number(inodesUsed) },
  }
}
