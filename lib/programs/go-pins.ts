import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { type GoProgram, readGoProgram } from './go-modules.ts'
import type { Source } from './program-catalog.ts'
import type { Context } from './program-options.ts'
import { oldestTools } from './versions.ts'

/** What of a module's folder decides what is built. */
const pinFiles = ['go.mod', 'go.sum', 'builder.yaml'] as const

/** The folder of a source's Go module. */
export function moduleDir(source: Source, context: Context): string {
  return join(context.goModulesDir, source.name)
}

/** The arguments of `go` that build a source into `output`, a file, or a folder with a slash at its end. */
export function buildArgs(source: Source, output: string): string[] {
  const definitions = (source.go?.define?.(source.version) ?? []).map(definition => `-X ${definition}`)
  const target = source.go?.kind === 'collector' ? '.' : 'tool'
  const ldflags = ['-s', '-w', ...definitions].join(' ')
  const tags = source.go?.tags === undefined ? [] : ['-tags', source.go.tags.join(',')]
  return ['build', '-v', '-mod=readonly', '-trimpath', ...tags, '-ldflags', ldflags, '-o', output, target]
}

/** Twelve digits that are others when anything is that a build is made from: modules, sums, components, flags. */
export function pinsHash(source: Source, context: Context): string {
  const hash = createHash('sha256')
  for (const file of pinFiles) hash.update(`${file}\n${readPin(file, source, context)}\n`)
  return hash
    .update(JSON.stringify(buildArgs(source, '')))
    .digest('hex')
    .slice(0, 12)
}

/** The oldest Go that builds a source: what its go.mod asks for, and never less than the lab does. */
export function oldestGo(source: Source, context: Context): string {
  const [, wanted = ''] = /^go ([\d.]+)/m.exec(readPin('go.mod', source, context)) ?? []
  return isRecentGo(`go${oldestTools.go}`, wanted) ? oldestTools.go : wanted
}

/** Whether `go1.26.8`, as Go itself tells its version, is at least the oldest that will do: `1.26`, `1.26.4`. */
export function isRecentGo(version: string, oldest: string = oldestTools.go): boolean {
  const [found] = /(?<=go)\d+\.\d+(\.\d+)?/.exec(version) ?? []
  if (found === undefined) return false
  const [have, wanted] = [found, oldest].map(each => each.split('.').map(Number))
  const different = [0, 1, 2].find(at => (have?.[at] ?? 0) !== (wanted?.[at] ?? 0))
  return different === undefined || (have?.[different] ?? 0) > (wanted?.[different] ?? 0)
}

/**
 * Which of the components in builder.yaml a collector lacks, as `connector/spanmetricsconnector`; none for other programs.
 * Undefined when the program doesn't tell.
 *
 * By the modules in it: `otelcol components` leaves out those that were given another name.
 */
export function missingComponents(path: string, source: Source, context: Context): string[] | undefined {
  const needed = components(source, context)
  if (needed.length === 0) return []
  const program = readGoProgram(path)
  return program && lackingOf(program, needed)
}

/** The Go modules of the collector's components: its whole list in builder.yaml. */
function components(source: Source, context: Context): string[] {
  if (source.go?.kind !== 'collector') return []
  const manifest = parse(readPin('builder.yaml', source, context)) as Record<string, unknown> | null
  return Object.values(manifest ?? {}).flatMap(part =>
    Array.isArray(part) ? part.flatMap(({ gomod }: { gomod?: string }) => gomod?.split(' ')[0] ?? []) : [],
  )
}

function lackingOf({ modules }: GoProgram, needed: readonly string[]): string[] {
  const there = new Set(modules.map(({ path }) => path))
  return needed.filter(path => !there.has(path)).map(path => path.split('/').slice(-2).join('/'))
}

function readPin(file: (typeof pinFiles)[number], source: Source, context: Context): string {
  const path = join(moduleDir(source, context), file)
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}
