import { existsSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'

/** The path itself if it exists, else the nearest folder above it. */
export function nearestExisting(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestExisting(dirname(path))
}

/** The free bytes on the disk of a path, which may not exist yet. */
export function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(nearestExisting(path))
  return bavail * bsize
}
