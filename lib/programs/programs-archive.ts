import { createHash } from 'node:crypto'
import {
  createReadStream,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import * as v from 'valibot'
import { LabError } from '../cli/errors.ts'
import { formatBytes } from '../cli/progress.ts'
import { cacheDir, findQuickly } from './find-program.ts'
import type { ProgramName } from './program-catalog.ts'
import { type BinariesOptions, type Context, catalogEntry, createContext } from './program-options.ts'
import { moveIntoCache, withStaging } from './staging.ts'

const MANIFEST = 'programs.json'

/** The first file of an archive: the platform, and the SHA-256 of every other file by its path. */
const manifestSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    platform: v.object({ os: v.string(), arch: v.string() }),
    files: v.record(v.string(), v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))),
  }),
)

/** The programs of an archive that was written or read. */
export interface ProgramsArchive {
  /** Their names in the cache, `etcd-3.6.16-<hash>`. */
  programs: string[]
  bytes: number
  /** The SHA-256 of the archive itself. */
  sha256: string
}

/**
 * Writes the cached programs that this checkout uses into a tar archive, compressed where the file's name ends in `.gz` or `.tgz`.
 * Programs that are not in the cache are left out.
 *
 * Throws a LabError when the cache has none of them, or the file cannot be written.
 */
export async function exportPrograms(
  file: string,
  names: readonly ProgramName[],
  options: BinariesOptions = {},
): Promise<ProgramsArchive> {
  const context = createContext(options)
  const cache = cacheDir(context.env)
  const programs = [...new Set(names.flatMap(name => cachedEntry(name, context)))].sort()
  if (programs.length === 0) {
    throw new LabError(`Cannot export programs: ${cache} has none that this checkout uses`, { next: 'make programs' })
  }
  const target = resolve(file)
  const partial = `${target}.${process.pid}.tmp`
  return await withStaging(cache, async staging => {
    const files = programs.flatMap(program => filesOf(cache, program))
    const link = files.find(path => !lstatSync(join(cache, path)).isFile())
    if (link !== undefined) {
      throw new LabError(`Cannot export programs: ${join(cache, link)} is not a regular file`, {
        next: 'replace it by its target',
      })
    }
    const sums = await Promise.all(files.map(async path => [path, await sha256Of(join(cache, path))] as const))
    const manifest = { platform: context.platform, files: Object.fromEntries(sums) }
    writeFileSync(join(staging, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`)
    const compression = /\.(gz|tgz)$/.test(file) ? ['--gzip'] : []
    try {
      mkdirSync(dirname(target), { recursive: true })
      await tar(
        ['--create', ...compression, '--file', partial, '-C', staging, MANIFEST, '-C', cache, ...programs],
        context,
      )
      renameSync(partial, target)
    } finally {
      rmSync(partial, { force: true })
    }
    return { programs, bytes: lstatSync(target).size, sha256: await sha256Of(target) }
  })
}

/**
 * Puts the programs of an archive of `exportPrograms` into the cache. Nothing changes unless the archive is for this platform, has exactly the
 * files that its manifest names, and each has the manifest's SHA-256. A program that the cache has already is left as it is. The manifest
 * detects damage, not forgery: compare the archive's own SHA-256 with the one that the export printed.
 *
 * Throws a LabError that names what is wrong with the archive.
 */
export async function importPrograms(file: string, options: BinariesOptions = {}): Promise<ProgramsArchive> {
  const context = createContext(options)
  const cache = cacheDir(context.env)
  const source = resolve(file)
  if (!existsSync(source)) {
    throw new LabError(`Cannot import programs: there is no file ${source}`, {
      next: 'write one with make programs-export FILE=… on a machine that has the programs',
    })
  }
  return await withStaging(cache, async staging => {
    // Not the owner and mode of the other machine: as root tar would restore them.
    await tar(['--extract', '--no-same-owner', '--no-same-permissions', '--file', source, '-C', staging], context)
    const { platform, files } = readManifest(join(staging, MANIFEST), source)
    const { os, arch } = context.platform
    if (platform.os !== os || platform.arch !== arch) {
      throw badArchive(source, `it has programs for ${platform.os}/${platform.arch}, this machine is ${os}/${arch}`)
    }
    const programs = readdirSync(staging).filter(name => name !== MANIFEST)
    await checkFiles(staging, programs, files, source)
    const known = context.catalog.flatMap(({ programs: ofSource }) => ofSource.map(({ name }) => `${name}-`))
    const strange = programs.find(name => !known.some(prefix => name.startsWith(prefix)))
    if (strange !== undefined) throw badArchive(source, `${strange} is not one of the lab's programs`)
    for (const program of programs) {
      if (!existsSync(join(cache, program))) moveIntoCache(join(staging, program), join(cache, program))
    }
    return { programs: programs.sort(), bytes: lstatSync(source).size, sha256: await sha256Of(source) }
  })
}

/** One line for a person: how many programs, and the archive's size and SHA-256. */
export function describeArchive({ programs, bytes, sha256 }: ProgramsArchive): string {
  return `${programs.length} programs, ${formatBytes(bytes)}, SHA-256 ${sha256}`
}

/** The entry of the cache that has a program, or nothing when it is elsewhere. */
function cachedEntry(name: ProgramName, context: Context): string[] {
  const { source, program } = catalogEntry(name, context)
  const found = findQuickly(source, program, context)
  if (found?.from !== 'cache') return []
  return [relative(cacheDir(context.env), found.path).split('/')[0] ?? '']
}

function readManifest(path: string, source: string): v.InferOutput<typeof manifestSchema> {
  if (!existsSync(path)) throw badArchive(source, `it has no ${MANIFEST}`)
  const read = v.safeParse(manifestSchema, readFileSync(path, 'utf8'))
  if (read.success) return read.output
  throw badArchive(source, `${MANIFEST} is not readable: ${read.issues[0].message}`)
}

async function checkFiles(
  staging: string,
  programs: readonly string[],
  files: Readonly<Record<string, string>>,
  source: string,
): Promise<void> {
  const present = new Set(programs.flatMap(program => filesOf(staging, program)))
  for (const [path, expected] of Object.entries(files)) {
    if (!present.delete(path)) throw badArchive(source, `${path} is missing`)
    if (!lstatSync(join(staging, path)).isFile()) throw badArchive(source, `${path} is not a regular file`)
    const sha256 = await sha256Of(join(staging, path))
    if (sha256 !== expected) throw badArchive(source, `the SHA-256 of ${path} is ${sha256}, not ${expected}`)
  }
  const [extra] = present
  if (extra !== undefined) throw badArchive(source, `${extra} is not in ${MANIFEST}`)
}

function badArchive(source: string, why: string): LabError {
  return new LabError(`Cannot import programs from ${source}`, {
    why,
    next: 'export them again, and copy the whole file',
  })
}

/** The paths of all files of an entry, below `dir`; an entry is a file or a folder. Links count as files. */
function filesOf(dir: string, entry: string): string[] {
  if (!lstatSync(join(dir, entry)).isDirectory()) return [entry]
  return readdirSync(join(dir, entry)).flatMap(name => filesOf(dir, join(entry, name)))
}

async function tar(args: readonly string[], context: Context): Promise<void> {
  await context.run('tar', args, { env: context.env, timeoutMs: 30 * 60_000 })
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}
