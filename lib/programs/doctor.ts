import { availableParallelism } from 'node:os'
import { formatBytes } from '../cli/progress.ts'
import { formatTable } from '../cli/table.ts'
import { freeBytes } from '../system/disk.ts'
import { findGo } from './build-program.ts'
import { binaryVariable, cacheDir, unusedInCache } from './find-program.ts'
import { isRecent, oldestGo } from './go-pins.ts'
import { SourceUnavailableError } from './http-download.ts'
import type { ProgramName, Source } from './program-catalog.ts'
import { type BinariesOptions, type Context, catalogEntry, createContext } from './program-options.ts'
import { type ProgramPlan, planPrograms } from './program-plan.ts'
import { oldestTools } from './versions.ts'

/** The output of `make doctor`: a table, and the problems with a next step each. */
export interface DoctorReport {
  table: string
  problems: { what: string; next: string }[]
}

/**
 * Checks every program, Node.js, Go and the disk. Changes nothing. Programs in `optional`, each with the reason, are no problem when they
 * are missing, unless a variable names them.
 */
export async function doctorReport(
  names: readonly ProgramName[],
  options: BinariesOptions & {
    nodeVersion?: string
    cores?: number
    optional?: Partial<Record<ProgramName, string>>
  } = {},
): Promise<DoctorReport> {
  const {
    nodeVersion = process.versions.node,
    cores = availableParallelism(),
    optional = {},
    ...binariesOptions
  } = options
  const context = createContext(binariesOptions)
  const sourceOf = (name: ProgramName) => catalogEntry(name, context).source
  const demanding = mostDemanding(names.map(sourceOf), context)
  const [plans, go] = await Promise.all([planPrograms(names, context), describeGo(demanding, context)])
  const dir = cacheDir(context.env)
  const isOptional = ({ name, from }: ProgramPlan) =>
    name in optional && !['variable', 'cache', 'path'].includes(from) && !context.env[binaryVariable(name)]
  const rows = plans.map(plan => {
    const { name, version, from, detail } = plan
    if (isOptional(plan)) return [name, version, 'optional', `${optional[name]}: ${detail}`]
    return [name, version, from === 'none' ? 'missing' : from, detail]
  })
  const nodeIsOld = !isRecent(nodeVersion, oldestTools.node)
  rows.push([
    'Node.js',
    `>= ${oldestTools.node}`,
    nodeIsOld ? 'too old' : 'found',
    `${nodeVersion}: ${process.execPath}`,
  ])
  rows.push(['Go', `>= ${demanding === undefined ? oldestTools.go : oldestGo(demanding, context)}`, ...go])
  const wantedDisk = formatBytes(context.buildDiskBytes)
  const freeDisk = formatBytes(freeBytes(dir))
  rows.push(['disk', wantedDisk, 'free', `${freeDisk} at ${dir}; building every program needs ${wantedDisk}`])
  const builds = new Set(
    plans.filter(plan => plan.from === 'build' && !isOptional(plan)).map(({ name }) => sourceOf(name)),
  )
  if (builds.size > 0) rows.push(buildTime([...builds], cores))
  const unused = unusedInCache(context)
  if (unused.length > 0) {
    const advice = `in ${dir}, delete them if no other checkout needs them: ${unused.join(', ')}`
    rows.push(['unused', '', `${unused.length} programs`, advice])
  }
  const problems = plans
    .filter(plan => plan.from === 'none' && !isOptional(plan))
    .map(({ name, version, detail }) => {
      const build =
        sourceOf(name).go === undefined ? '' : `install Go ${oldestGo(sourceOf(name), context)} or newer, or `
      return {
        what: `${name} ${version} is not available: ${detail}`,
        next: `${build}allow its download, or set ${binaryVariable(name)}`,
      }
    })
  if (nodeIsOld) {
    problems.push({ what: `Node.js is ${nodeVersion}`, next: `install Node.js ${oldestTools.node} or newer` })
  }
  return { table: formatTable([['PROGRAM', 'WANTED', 'FROM', 'WHERE'], ...rows]), problems }
}

/** How long builds take, and what shortens them: a row of the table. */
function buildTime(sources: readonly Source[], cores: number): string[] {
  const minutes = Math.ceil(sources.reduce((sum, { go }) => sum + (go?.cpuMinutes ?? 1), 0) / cores)
  const names = sources.map(({ name }) => name).join(', ')
  const advice =
    'allow the downloads, or take the programs of another machine: make programs-export and programs-import'
  return ['builds', '', `about ${minutes} min`, `on ${cores} cores, for ${names}. To avoid them, ${advice}`]
}

/** The source with the newest required Go. */
function mostDemanding(sources: readonly Source[], context: Context): Source | undefined {
  const isMore = (one: Source, other: Source) => isRecent(oldestGo(one, context), oldestGo(other, context))
  return sources.find(source => sources.every(other => isMore(source, other)))
}

async function describeGo(source: Source | undefined, context: Context): Promise<[string, string]> {
  try {
    const { version, path } = await findGo(context, source)
    return ['found', `${version}: ${path}`]
  } catch (error) {
    if (!(error instanceof SourceUnavailableError)) throw error
    return ['missing', `${error.message}; only builds need Go`]
  }
}
