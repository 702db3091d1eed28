import { LabError } from '../cli/errors.ts'
import { checkDisk, findGo } from './build-program.ts'
import { knownSha256 } from './checksums.ts'
import { describeFound, type FoundProgram, findInstalled } from './find-program.ts'
import { type HttpClient, openHttpClient, SourceUnavailableError } from './http-download.ts'
import type { Program, ProgramName, Source } from './program-catalog.ts'
import { type BinariesOptions, type Context, catalogEntry, createContext } from './program-options.ts'

/** The source of a program. */
export interface ProgramPlan {
  name: ProgramName
  /** The pinned version, without a leading `v`. */
  version: string
  /** `none`: no source has it. */
  from: FoundProgram['from'] | 'download' | 'build' | 'none'
  /** The path, the download host or the Go version, and the reasons why the sources before do not have it. */
  detail: string
}

/**
 * What ensurePrograms() would do. It writes, downloads and builds nothing, and only checks that the hosts have the files. An invalid
 * variable is a plan with `none`.
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
  const entry = catalogEntry(name, context)
  const { source, program } = entry
  const plan = { name, version: source.version }
  const found = await findInstalled(entry, context).catch((error: unknown) => {
    if (!(error instanceof LabError)) throw error
    return error
  })
  if (found instanceof LabError) return { ...plan, from: 'none', detail: found.message }
  if (!Array.isArray(found)) return { ...plan, from: found.from, detail: describeFound(found) }
  const reasons = [...found]
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
  return `download from ${new URL(asset.url).host}, which has it`
}

async function planBuild(source: Source, context: Context): Promise<string> {
  if (source.go === undefined) throw new SourceUnavailableError('no Go pins')
  const { version } = await findGo(context, source)
  return `go build with ${version}`
}

/** Replaces builds by `none` when the disk is too small for them. */
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
