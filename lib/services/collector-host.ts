import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Lab } from '../lab/lab.ts'
import type { Mount } from './container-spec.ts'
import { giveToContainers } from './container-user.ts'

/** The machine's files in the collector's container: the `root_path` of its host_metrics receiver. */
export const HOST_ROOT = '/hostfs'

/**
 * What host_metrics reads of /proc (github.com/shirou/gopsutil v4.26.2), with the source of each. Not all of /proc: the collector runs as the
 * user, and `/proc/<pid>/root` of another process of the same user leads to every file that the user can read.
 */
const procFiles: Readonly<Record<string, string>> = {
  '1/mountinfo': '/proc/1/mountinfo',
  diskstats: '/proc/diskstats',
  filesystems: '/proc/filesystems',
  loadavg: '/proc/loadavg',
  meminfo: '/proc/meminfo',
  // /proc/net would be the container's own.
  'net/dev': '/proc/1/net/dev',
  'net/tcp': '/proc/1/net/tcp',
  stat: '/proc/stat',
  uptime: '/proc/uptime',
}

/**
 * The mounts of the collector's container: the files of /proc that host_metrics reads, and an empty folder of the lab's file system, which
 * is enough for statfs().
 */
export function hostMounts(lab: Lab): Mount[] {
  const folder = join(lab.dataDir, 'collector')
  // A rootless engine mounts a file only over an existing one.
  for (const name of Object.keys(procFiles)) {
    const path = join(folder, 'proc', name)
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    writeFileSync(path, '', { mode: 0o600 })
    for (const each of [path, dirname(path)]) giveToContainers(each)
  }
  for (const each of [folder, join(folder, 'proc')]) giveToContainers(each)
  return [
    { from: folder, to: resolve(HOST_ROOT, `.${mountPointOf(folder)}`) },
    ...Object.entries(procFiles).map(([name, from]) => ({ from, to: join(HOST_ROOT, 'proc', name) })),
  ]
}

/** The mount point of the lab's file system. */
export function labMountPoint(lab: Lab): string {
  return mountPointOf(lab.dataDir)
}

function mountPointOf(folder: string): string {
  const parent = dirname(folder)
  return parent === folder || statSync(parent).dev !== statSync(folder).dev ? folder : mountPointOf(parent)
}
