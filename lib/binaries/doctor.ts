import { formatBytes } from '../progress.ts'
import { oldestTools } from '../versions.ts'
import { findGo, freeCacheBytes } from './build.ts'
import type { ProgramName } from './catalog.ts'
import { type BinariesOptions, createContext } from './context.ts'
import { binaryVariable, cacheDir } from './find.ts'
import { WayError } from './http.ts'
import { planPrograms } from './plan.ts'

/** What `make doctor` says: a table, and what stands in the way of `make kwok` with what to do about it. */
export interface DoctorReport {
  table: string
  problems: { what: string; next: string }[]
}

/** Looks at every program, at Node.js, Go and the disk. Changes nothing. */
export async function doctorReport(
  names: readonly ProgramName[],
  options: BinariesOptions & { nodeVersion?: string } = {},
): Promise<DoctorReport> {
  const { nodeVersion = process.versions.node, ...binariesOptions } = options
  const context = createContext(binariesOptions)
  const [plans, go] = await Promise.all([planPrograms(names, context), describeGo(binariesOptions)])
  const dir = cacheDir(context.env)
  const rows = plans.map(plan => [plan.name, plan.version, plan.from === 'none' ? 'missing' : plan.from, plan.detail])
  const nodeIsOld = isOlder(nodeVersion, oldestTools.node)
  rows.push([
    'Node.js',
    `>= ${oldestTools.node}`,
    nodeIsOld ? 'too old' : 'found',
    `${nodeVersion}: ${process.execPath}`,
  ])
  rows.push(['Go', `>= ${oldestTools.go}`, ...go])
  const wantedDisk = formatBytes(context.buildDiskBytes)
  const freeDisk = formatBytes(freeCacheBytes(context))
  rows.push(['disk', wantedDisk, 'free', `${freeDisk} at ${dir}; ${wantedDisk} is what building everything needs`])
  const problems = plans
    .filter(plan => plan.from === 'none')
    .map(({ name, version, detail }) => ({
      what: `${name} ${version} can't be had: ${detail}`,
      next: `install Go ${oldestTools.go} or newer, or let this machine download it, or set ${binaryVariable(name)}`,
    }))
  if (nodeIsOld) {
    problems.push({ what: `Node.js is ${nodeVersion}`, next: `install Node.js ${oldestTools.node} or newer` })
  }
  return { table: formatTable([['PROGRAM', 'WANTED', 'FROM', 'WHERE'], ...rows]), problems }
}

/** Rows as text in columns; the last one is as long as it is. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const [first = []] = rows
  const widths = first.map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  return rows
    .map(row =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

async function describeGo(options: BinariesOptions): Promise<[string, string]> {
  try {
    const { version, path } = await findGo(createContext(options))
    return ['found', `${version}: ${path}`]
  } catch (error) {
    if (!(error instanceof WayError)) throw error
    return ['missing', `${error.message}; only builds need it`]
  }
}

function isOlder(version: string, oldest: string): boolean {
  const wanted = oldest.split('.').map(Number)
  const parts = version.split('.').map(part => Number.parseInt(part, 10))
  const different = wanted.findIndex((part, index) => part !== (parts[index] ?? 0))
  return different !== -1 && (parts[different] ?? 0) < (wanted[different] ?? 0)
}
