import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import type { Source } from './program-catalog.ts'
import type { Context } from './program-options.ts'
import { oldestTools } from './versions.ts'

/** The files of a module's folder that tasks/update-version.ts writes. */
export const pinFiles = ['go.mod', 'go.sum', 'builder.yaml'] as const

type PinsContext = Pick<Context, 'goModulesDir'>

/** The folder of a source's Go module. */
export function moduleDir(source: Source, context: PinsContext): string {
  return join(context.goModulesDir, source.name)
}

/**
 * The arguments of `go` that build a source. `output` is a file, or a folder with a slash at its end. Debug information, which the linker
 * leaves out (`-s -w`), is not compiled either: that saves an eighth of the time.
 */
export function buildArgs(source: Source, output: string): string[] {
  const definitions = (source.go?.define?.(source.version) ?? []).map(definition => `-X ${definition}`)
  const target = source.go?.kind === 'collector' ? '.' : 'tool'
  const ldflags = ['-s', '-w', ...definitions].join(' ')
  const tags = source.go?.tags === undefined ? [] : ['-tags', source.go.tags.join(',')]
  const flags = ['-mod=readonly', '-trimpath', '-gcflags=all=-dwarf=false', ...tags, '-ldflags', ldflags]
  return ['build', '-v', ...flags, '-o', output, target]
}

/** Twelve hexadecimal digits that identify the input of a build: modules, sums, components, Go files, flags. */
export function pinsHash(source: Source, context: Context): string {
  const hash = createHash('sha256')
  const dir = moduleDir(source, context)
  const files = existsSync(dir) ? readdirSync(dir, { recursive: true, withFileTypes: true }) : []
  const isInput = (name: string) => name.endsWith('.go') || pinFiles.some(each => each === name)
  const paths = files.filter(({ name }) => isInput(name)).map(({ parentPath, name }) => join(parentPath, name))
  for (const path of paths.sort()) hash.update(`${relative(dir, path)}\n${readFileSync(path, 'utf8')}\n`)
  return hash
    .update(JSON.stringify(buildArgs(source, '')))
    .digest('hex')
    .slice(0, 12)
}

/** The oldest Go that builds a source: the version in its go.mod, but at least the lab's. */
export function oldestGo(source: Source, context: Context): string {
  const [, wanted = ''] = /^go ([\d.]+)/m.exec(readPin('go.mod', source, context)) ?? []
  return isRecent(oldestTools.go, wanted) ? oldestTools.go : wanted
}

/** Whether the first version number in a text (`go1.26.8`, `v20.18.1`) is at least another (`1.26`). False for a text without one. */
export function isRecent(text: string, oldest: string): boolean {
  const [version] = /\d+(\.\d+)*/.exec(text) ?? []
  return version !== undefined && version.localeCompare(oldest.replace(/(\.0)+$/, ''), 'en', { numeric: true }) >= 0
}

/**
 * The components in builder.yaml that a collector lacks, as `connector/spanmetricsconnector`; none for other programs. Undefined when the
 * program does not print a list. It compares modules, because a component can have several names.
 */
export async function missingComponents(
  path: string,
  source: Source,
  { run, env, versionTimeoutMs: timeoutMs, ...context }: Context,
): Promise<string[] | undefined> {
  if (source.go?.kind !== 'collector') return []
  const { stdout } = await run(path, ['components'], { env, cwd: tmpdir(), timeoutMs, nothrow: true })
  const modules = new Set([...stdout.matchAll(/^\s+module: (\S+)/gm)].map(([, module]) => module))
  if (modules.size === 0) return undefined
  return componentPaths(source, context)
    .filter(module => !modules.has(module))
    .map(module => module.split('/').slice(-2).join('/'))
}

/** The modules of the collector's components, without versions. */
export function componentPaths(source: Source, context: PinsContext): string[] {
  return componentModules(readPin('builder.yaml', source, context)).map(component => component.replace(/@.*/, ''))
}

/** The components of builder.yaml as `module@version`. */
export function componentModules(manifest: string): string[] {
  return [...manifest.matchAll(/gomod: (\S+) (v\S+)/g)].map(([, module, version]) => `${module}@${version}`)
}

/** The text of a pin file; empty for one that a source does not have. */
export function readPin(file: (typeof pinFiles)[number], source: Source, context: PinsContext): string {
  const path = join(moduleDir(source, context), file)
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}
