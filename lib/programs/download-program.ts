import { createHash } from 'node:crypto'
import { createWriteStream, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import * as v from 'valibot'
import { LabError, systemErrorCode } from '../cli/errors.ts'
import { type Activity, formatBytes } from '../cli/progress.ts'
import { onPath } from './find-program.ts'
import { type HttpAnswer, type HttpClient, SourceUnavailableError } from './http-download.ts'
import type { Context } from './program-options.ts'
import { assetName, type ReleaseAsset } from './releases.ts'

/** The maximum size of a checksum file or a release's JSON. */
const longestTextBytes = 4e6

/**
 * Downloads one file of a release into `dir`, checks its SHA-256 and gives the path of each program in it, by name. Without `knownSha256` it
 * uses the publisher's checksum.
 *
 * Throws a SourceUnavailableError when the file, its host or its checksum is not available. Throws a LabError, which ends the search, for a
 * wrong checksum or a file that cannot be written.
 */
export async function downloadAsset(
  asset: ReleaseAsset,
  dir: string,
  {
    context,
    http,
    onProgress,
    knownSha256,
  }: { context: Context; http: HttpClient; onProgress: Activity['detail']; knownSha256: string | undefined },
): Promise<Record<string, string>> {
  const name = assetName(asset)
  // Without a checksum the file would be useless.
  const expected = knownSha256 ?? (await publishedSha256(asset, http))
  const path = join(dir, name)
  const got = await http.get(asset.url, answer => save(answer, path, onProgress))
  if (got !== expected) {
    rmSync(path, { force: true })
    throw new LabError(`The SHA-256 of ${asset.url} is wrong`, {
      why: `it is ${got}, ${knownSha256 === undefined ? 'the publisher states' : 'lib/programs/checksums.json has'} ${expected}`,
      next: 'check for a proxy between this machine and the download host, or set the *_BINARY variables',
    })
  }
  return extract(asset, path, dir, context)
}

/** The SHA-256 of a file in the text of a checksum file: from the line with its name, or from a text without names. */
export function findSha256(text: string, fileName: string): string | undefined {
  for (const line of text.split('\n')) {
    const [, sum, name] = /^([0-9a-f]{64})(?:\s+\*?(?:\S*\/)?([^\s/]+))?\s*$/i.exec(line) ?? []
    if (sum !== undefined && (name === undefined || name === fileName)) return sum.toLowerCase()
  }
  return undefined
}

/** A release in GitHub's API, with the fields that the lab reads. */
const releaseSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ assets: v.array(v.object({ name: v.string(), digest: v.nullish(v.string()) })) }),
)

/** The SHA-256 of a file in the JSON of a GitHub release: `assets[].digest`, as `sha256:<hex>`. Undefined for other texts. */
export function findGithubDigest(text: string, fileName: string): string | undefined {
  const release = v.safeParse(releaseSchema, text)
  const asset = release.success ? release.output.assets.find(({ name }) => name === fileName) : undefined
  return /^sha256:([0-9a-f]{64})$/.exec(asset?.digest ?? '')?.[1]
}

/** The publisher's SHA-256 of a file. Throws a SourceUnavailableError when there is none. */
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
  const sum = kind === 'file' ? findSha256(text, name) : findGithubDigest(text, name)
  if (sum === undefined) throw new SourceUnavailableError(`${url} has no SHA-256 for ${name}`)
  return sum
}

/** Writes the body to a file; gives its SHA-256 in hexadecimal. */
async function save(answer: HttpAnswer, path: string, onProgress: Activity['detail']): Promise<string> {
  const hash = createHash('sha256')
  const total = answer.lengthBytes === undefined ? '' : ` of ${formatBytes(answer.lengthBytes)}`
  let bytes = 0
  async function* watched() {
    for await (const chunk of answer.body) {
      hash.update(chunk)
      bytes += chunk.length
      onProgress(`${formatBytes(bytes)}${total}`)
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
  await context.run(
    tool,
    zip
      ? ['-q', '-o', path, ...inside, '-d', dir]
      : ['-xzf', path, '--no-same-owner', '--no-same-permissions', '-C', dir, ...inside],
    {
      env: context.env,
    },
  )
  rmSync(path)
  return Object.fromEntries(members.map(([name, member]) => [name, join(dir, member)]))
}
