import { LabError } from '../cli/errors.ts'
import { checkDisk, findGo } from './build-program.ts'
import { knownSha256 } from './checksums.ts'
import {
  describeFound,
  describeUnused,
  type FoundProgram,
  findOnPath,
  findQuickly,
  findUnmarked,
  requireWhole,
} from './find-program.ts'
import { type HttpClient, openHttpClient, SourceUnavailableError } from './http-download.ts'
import type { Program, ProgramName, Source } from './program-catalog.ts'
import { type BinariesOptions, type Context, catalogEntry, createContext } from './program-options.ts'

/** Where a program is, or how it would be had, or that it can't be. */
export interface ProgramPlan {
  name: ProgramName
  /** The version that is wanted, without a leading `v`. */
  version: string
  /** `none`: no way leads to it. */
  from: FoundProgram['from'] | 'download' | 'build' | 'none'
  /** For a person: the path, or the host, or the Go that would build it, and why the ways before are no good. */
  detail: string
}

/**
 * What ensurePrograms would do, without doing it: nothing is written, downloaded or built. Hosts are asked whether they have
 * what would be downloaded. A variable that names nothing is a plan too (`none`), so that a table can show it.
 */
export async function planPrograms(
  names: readonly ProgramName[],
  options: BinariesOptions = {},
): Promise<ProgramPlan[]> {
  const context = createContext(options)
  const http = await openHttpClient(context)
  try {
    const plans = await Promise.all(names.map(name => planProgram(name, context, http)))
    return checkRoom(plans, context)
  } finally {
    await http.close()
  }
}

async function planProgram(name: ProgramName, context: Context, http: HttpClient): Promise<ProgramPlan> {
  const { source, program } = catalogEntry(name, context)
  const plan = { name, version: source.version }
  try {
    const quick = findQuickly(source, program, context) ?? findUnmarked(source, program, context)
    if (quick !== undefined) {
      return { ...plan, from: quick.from, detail: describeFound(requireWhole(quick, source, context)) }
    }
  } catch (error) {
    if (!(error instanceof LabError)) throw error
    return { ...plan, from: 'none', detail: error.message }
  }
  const onPath = await findOnPath(source, program, context)
  if (typeof onPath === 'object') return { ...plan, from: 'path', detail: describeFound(onPath) }
  const reasons = describeUnused(source, program, context)
  if (onPath !== 'not on PATH') reasons.push(`PATH: ${onPath}`)
  for (const [from, ask] of [
    ['download', () => planDownload(source, program, context, http)],
    ['build', () => planBuild(source, context)],
  ] as const) {
    try {
      const how = await ask()
      return { ...plan, from, detail: reasons.length === 0 ? how : `${how} (${reasons.join('; ')})` }
    } catch (error) {
      if (!(error instanceof SourceUnavailableError)) throw error
      reasons.push(error.message)
    }
  }
  return { ...plan, from: 'none', detail: reasons.join('; ') }
}

async function planDownload(source: Source, program: Program, context: Context, http: HttpClient): Promise<string> {
  const { os, arch } = context.platform
  const assets = source.assets(source.version, context.platform)
  const asset = assets.find(candidate => candidate.members[program.name] !== undefined)
  if (asset === undefined) throw new SourceUnavailableError(`no release for ${os}/${arch}`)
  const isKnown =
    knownSha256(context.knownSums, asset, { version: source.version, platform: context.platform }) !== undefined
  for (const url of [asset.url, ...(isKnown ? [] : [asset.checksum.url])]) await http.head(url)
  return `download from ${new URL(asset.url).host}, which can be reached`
}

async function planBuild(source: Source, context: Context): Promise<string> {
  if (source.go === undefined) throw new SourceUnavailableError('no Go pins')
  const { version } = await findGo(context, source)
  return `go build with ${version}`
}

/** Turns the builds into refusals when the disk has no room for them. */
function checkRoom(plans: ProgramPlan[], context: Context): ProgramPlan[] {
  const builds = plans.filter(plan => plan.from === 'build').map(plan => catalogEntry(plan.name, context).source)
  if (builds.length === 0) return plans
  try {
    checkDisk(new Set(builds).size, context)
    return plans
  } catch (error) {
    if (!(error instanceof LabError)) throw error
    const { message } = error
    return plans.map(plan => (plan.from === 'build' ? { ...plan, from: 'none', detail: message } : plan))
  }
}
