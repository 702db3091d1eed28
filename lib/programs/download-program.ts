import { createHash } from 'node:crypto'
import { createWriteStream, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { LabError, systemErrorCode } from '../cli/errors.ts'
import { type Activity, formatBytes } from '../cli/progress.ts'
import { onPath } from './find-program.ts'
import { type HttpAnswer, type HttpClient, SourceUnavailableError } from './http-download.ts'
import type { Context } from './program-options.ts'
import { assetName, type ReleaseAsset } from './releases.ts'

/** More than any checksum file or description of a release needs. */
const longestTextBytes = 4e6

/**
 * Downloads one file of a release into `dir`, checks its SHA-256 and gives the path of each program in it, by name. The sum is the given
 * one, else the one that the publisher states.
 *
 * Throws a SourceUnavailableError when it is not available (no such file, host gone, no checksum published), and a LabError that ends the
 * search when the file is not what was published or can't be written.
 */
export async function downloadAsset(
  asset: ReleaseAsset,
  dir: string,
  {
    context,
    http,
    activity,
    knownSha256,
  }: { context: Context; http: HttpClient; activity: Activity; knownSha256: string | undefined },
): Promise<Record<string, string>> {
  const name = assetName(asset)
  // The sum comes first: without one there is no point in fetching the file.
  const expected = knownSha256 ?? (await publishedSha256(asset, http))
  const path = join(dir, name)
  const got = await http.get(asset.url, answer => save(answer, path, activity))
  if (got !== expected) {
    rmSync(path, { force: true })
    throw new LabError(`${asset.url} is not the file that was published`, {
      why: `its SHA-256 is ${got}, ${knownSha256 === undefined ? 'published' : 'in lib/programs/checksums.json'} is ${expected}`,
      next: 'find out what stands between this machine and the download host, or name the programs by *_BINARY variables',
    })
  }
  return extract(asset, path, dir, context)
}

/** The sum for a file out of a checksum file's text: the line that ends in its name, or the only thing there. */
export function findSha256(text: string, fileName: string): string | undefined {
  for (const line of text.split('\n')) {
    const [, sum, name] = /^([0-9a-f]{64})(?:\s+\*?(?:\S*\/)?([^\s/]+))?\s*$/i.exec(line) ?? []
    if (sum !== undefined && (name === undefined || name === fileName)) return sum.toLowerCase()
  }
  return undefined
}

/** The sum of a file out of GitHub's description of a release: `assets[].digest`, as `sha256:<hex>`. */
export function findGithubDigest(text: string, fileName: string): string | undefined {
  const release: unknown = JSON.parse(text)
  if (!isRecord(release) || !Array.isArray(release.assets)) return undefined
  const asset: unknown = release.assets.find((one: unknown) => isRecord(one) && one.name === fileName)
  const digest = isRecord(asset) ? asset.digest : undefined
  return typeof digest === 'string' ? /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1] : undefined
}

/** The SHA-256 that the publisher states of a file. Throws a SourceUnavailableError where there is none. */
export async function publishedSha256(asset: ReleaseAsset, http: HttpClient): Promise<string> {
  const name = assetName(asset)
  const { url, kind } = asset.checksum
  const text = await http.get(url, async ({ body }) => {
    const chunks: Uint8Array[] = []
    let bytes = 0
    for await (const chunk of body) {
      bytes += chunk.length
      if (bytes > longestTextBytes) throw new SourceUnavailableError(`${url} is too long for a list of checksums`)
      chunks.push(chunk)
    }
    return Buffer.concat(chunks).toString()
  })
  const sum = kind === 'file' ? findSha256(text, name) : digestOrUndefined(text, name)
  if (sum === undefined) throw new SourceUnavailableError(`${url} has no SHA-256 for ${name}`)
  return sum
}

function digestOrUndefined(text: string, name: string): string | undefined {
  try {
    return findGithubDigest(text, name)
  } catch {
    return undefined // not JSON: a proxy's own page
  }
}

/** Writes the body to a file; gives its SHA-256 in hexadecimal. */
async function save(answer: HttpAnswer, path: string, activity: Activity): Promise<string> {
  const hash = createHash('sha256')
  const total = answer.lengthBytes === undefined ? '' : ` of ${formatBytes(answer.lengthBytes)}`
  let bytes = 0
  async function* watched() {
    for await (const chunk of answer.body) {
      hash.update(chunk)
      bytes += chunk.length
      activity.detail(`${formatBytes(bytes)}${total}`)
      yield chunk
    }
  }
  try {
    await pipeline(watched, createWriteStream(path, { mode: 0o600 }))
  } catch (error) {
    const code = systemErrorCode(error)
    if (code !== 'ENOSPC' && code !== 'EDQUOT' && code !== 'EIO') throw error
    throw new LabError(`Cannot write ${path}`, {
      why: code,
      next: 'free some disk space, then run this again',
      cause: error,
    })
  }
  return hash.digest('hex')
}

async function extract(
  asset: ReleaseAsset,
  path: string,
  dir: string,
  context: Context,
): Promise<Record<string, string>> {
  const members = Object.entries(asset.members)
  if (members.every(([, member]) => member === '')) return Object.fromEntries(members.map(([name]) => [name, path]))
  const zip = path.endsWith('.zip')
  const tool = zip ? 'unzip' : 'tar'
  if (onPath(tool, context.env) === undefined)
    throw new SourceUnavailableError(`${assetName(asset)} needs ${tool}, which is not on PATH`)
  const inside = asset.folder === undefined ? members.map(([, member]) => member) : [asset.folder]
  await context.run(tool, zip ? ['-q', '-o', path, ...inside, '-d', dir] : ['-xzf', path, '-C', dir, ...inside], {
    env: context.env,
  })
  rmSync(path)
  return Object.fromEntries(members.map(([name, member]) => [name, join(dir, member)]))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
