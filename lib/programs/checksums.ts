import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Platform, ReleaseAsset } from './releases.ts'

/** The SHA-256 of one file of a release, and where it is stated: the release's own file, or at least two independent sources. */
export interface KnownSum {
  sha256: string
  sources: readonly string[]
}

/** By program (of an archive with several, the first), version without `v`, and platform, `linux/amd64`. */
export type KnownSums = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, KnownSum>>>>>>

/** The checked-in table. `tasks/update-version.ts` writes it. */
export const sumsFile = join(import.meta.dirname, 'checksums.json')

/** Reads the checked-in table. */
export function readKnownSums(): KnownSums {
  return JSON.parse(readFileSync(sumsFile, 'utf8')) as KnownSums
}

/** The program by which the table names an asset. */
export function sumName(asset: ReleaseAsset): string {
  return Object.keys(asset.members)[0] ?? ''
}

/** `linux/amd64` */
export function platformName({ os, arch }: Platform): string {
  return `${os}/${arch}`
}

/** The table's sum of an asset, or undefined. */
export function knownSha256(
  sums: KnownSums,
  asset: ReleaseAsset,
  { version, platform }: { version: string; platform: Platform },
): string | undefined {
  return sums[sumName(asset)]?.[version]?.[platformName(platform)]?.sha256
}
