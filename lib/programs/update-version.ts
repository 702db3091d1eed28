import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { LabError, UsageError } from '../cli/errors.ts'
import type { RunResult } from '../system/run.ts'
import { BUILD_TIMEOUT_MS } from './build-program.ts'
import { type KnownSum, type KnownSums, platformName, sumName } from './checksums.ts'
import { publishedSha256 } from './download-program.ts'
import { componentModules, moduleDir, pinFiles, readPin } from './go-pins.ts'
import { openHttpClient, SourceUnavailableError } from './http-download.ts'
import type { Source } from './program-catalog.ts'
import type { Context } from './program-options.ts'
import { assetName, platforms } from './releases.ts'

/** Names in `lib/programs/versions.ts` that are not in the catalogue. */
const otherNames = ['otel-chart', 'lgtm', 'node']

/** The repositories of the images that k3d-config names, by the name of their version. */
const imageRepositories: Record<string, string> = {
  lgtm: 'docker.io/grafana/otel-lgtm',
  node: 'docker.io/library/node',
  otelcol: 'docker.io/otel/opentelemetry-collector-contrib',
}

/** Paths of the files to change. */
export interface UpdateFiles {
  versions: string
  sums: string
  /** Manifests and Helm values that name images. */
  manifests: readonly string[]
}

/**
 * Sets the version of a program, chart or image: Go pins, sums of the release's files, `lib/programs/versions.ts`, and image tags in manifests.
 * The Docker runtime's image tags follow lib/programs/versions.ts. Returns what was done, one line each. Files change only after Go has resolved the pins.
 *
 * Throws a UsageError for a missing or unknown name and a missing or invalid version, and a LabError with Go's error message.
 */
export async function updateVersion(
  name: string,
  version: string,
  { context, files, onStep }: { context: Context; files: UpdateFiles; onStep: (text: string) => void },
): Promise<string[]> {
  const source = context.catalog.find(each => each.name === name)
  const names = [...context.catalog.map(each => each.name), ...otherNames]
  if (name === '' || version === '') {
    throw new UsageError('update-version needs a program and a version', {
      next: `npx tsx tasks/update-version.ts <program> <version>; programs: ${names.join(', ')}`,
    })
  }
  if (!names.includes(name)) {
    throw new UsageError(`There is no version of "${name}"`, { next: `use one of ${names.join(', ')}` })
  }
  if (!/^\d+\.\d+\.\d+([-.][\w.-]+)?$/.test(version)) {
    throw new UsageError(`${version} is not a version`, { next: 'give one like 1.2.3, without a leading v' })
  }
  const text = withVersion(readFileSync(files.versions, 'utf8'), name, version)
  const done: string[] = []
  const moved = source === undefined ? undefined : { ...source, version }
  if (moved?.go?.module !== undefined) {
    onStep(`Resolving the Go pins of ${name} ${version}`)
    const shared = (await updatePins(moved, context)).filter(each => each !== name)
    done.push(`kwok-config/go/${name}: ${moved.go.module} at v${moduleVersion(moved)}`)
    done.push(...shared.map(each => `kwok-config/go/${each}: resolved again, with the modules that it shares`))
  }
  if (moved !== undefined) {
    onStep(`Requesting the SHA-256 of the files of ${name} ${version}`)
    const { sums, missing } = await publishedSums(moved, context)
    const known = JSON.parse(readFileSync(files.sums, 'utf8')) as KnownSums
    writeFileSync(files.sums, `${JSON.stringify(withSums(known, moved, sums), undefined, 2)}\n`)
    const count = Object.values(sums).reduce((total, each) => total + Object.keys(each).length, 0)
    done.push(
      `lib/programs/checksums.json: ${count} sums`,
      ...missing.map(each => `no sum, each download uses the publisher's: ${each}`),
    )
  }
  writeFileSync(files.versions, text)
  done.push(`lib/programs/versions.ts: ${name} ${version}`)
  for (const path of files.manifests) {
    const before = readFileSync(path, 'utf8')
    const after = withImageTag(before, name, version)
    if (after === before) continue
    writeFileSync(path, after)
    done.push(`${basename(path)}: ${imageRepositories[name]}:${version}`)
  }
  return done
}

/** The text of lib/programs/versions.ts with another version of one name: `metrics-server` is `metricsServer` there. */
export function withVersion(text: string, name: string, version: string): string {
  const key = name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
  const line = new RegExp(`^(  ${key}: )'[^']*',$`, 'm')
  if (!line.test(text)) throw new LabError(`lib/programs/versions.ts has no line of ${key}`)
  return text.replace(line, `$1'${version}',`)
}

/** A manifest, or Helm values with `repository` and `tag`, with another tag of the image that has this version. */
export function withImageTag(text: string, name: string, tag: string): string {
  const repository = imageRepositories[name]
  return repository === undefined
    ? text
    : text.replace(new RegExp(`(${repository}(?::|\\n +tag: ))\\S+`, 'g'), `$1${tag}`)
}

/** The table of sums with those of one source replaced. */
export function withSums(
  known: KnownSums,
  { version, programs }: Source,
  sums: Record<string, Record<string, KnownSum>>,
): KnownSums {
  const others = Object.entries(known).filter(([name]) => programs.every(program => program.name !== name))
  const own = Object.entries(sums).map(([name, byPlatform]) => [name, { [version]: byPlatform }] as const)
  return Object.fromEntries([...others, ...own].sort(([one], [other]) => one.localeCompare(other)))
}

/** The publisher's sum of every file, by program and platform, and the reason for each that is missing. */
async function publishedSums(source: Source, context: Context) {
  const sums: Record<string, Record<string, KnownSum>> = {}
  const missing: string[] = []
  const http = await openHttpClient(context)
  try {
    for (const platform of platforms) {
      for (const asset of source.assets(source.version, platform)) {
        try {
          const sha256 = await publishedSha256(asset, http)
          const sum = { sha256, sources: [asset.checksum.url] }
          sums[sumName(asset)] = { ...sums[sumName(asset)], [platformName(platform)]: sum }
        } catch (error) {
          if (!(error instanceof SourceUnavailableError)) throw error
          missing.push(`${assetName(asset)}: ${error.message}`)
        }
      }
    }
  } finally {
    await http.close()
  }
  return { sums, missing }
}

/** Runs go in a folder. */
type Go = (args: readonly string[], cwd: string) => Promise<RunResult>

/**
 * Resolves the Go pins of a source in a temporary copy of all pins, then those that builds share, and copies the pins to the repository on
 * success. Gives the names of the sources whose pins changed.
 */
async function updatePins(source: Source, context: Context): Promise<string[]> {
  const copy = { ...context, goModulesDir: mkdtempSync(join(tmpdir(), 'lab-pins-')) }
  const go: Go = (args, cwd) =>
    context.run('go', args, {
      cwd,
      env: { ...context.env, GOFLAGS: '-mod=mod', GOWORK: 'off', GOTOOLCHAIN: 'local' },
      timeoutMs: BUILD_TIMEOUT_MS,
    })
  try {
    cpSync(context.goModulesDir, copy.goModulesDir, { recursive: true })
    await resolvePins(source, moduleDir(source, copy), go)
    const sharing = context.catalog.filter(each => each.go?.shared !== undefined)
    await sharePins(sharing, copy, go)
    const changed = new Set<string>()
    for (const each of new Set([source, ...sharing])) {
      for (const file of pinFiles) {
        const pin = readPin(file, each, copy)
        if (pin === readPin(file, each, context)) continue
        writeFileSync(join(moduleDir(each, context), file), pin)
        changed.add(each.name)
      }
    }
    return [...changed]
  } finally {
    rmSync(copy.goModulesDir, { recursive: true, force: true })
  }
}

/**
 * Resolves a source's pins in their folder, by `go get` and `go mod tidy`. The collector's pins are the modules of its components and what the
 * source that its builder writes imports.
 */
async function resolvePins(source: Source, dir: string, go: Go): Promise<void> {
  const module = `${source.go?.module}@v${moduleVersion(source)}`
  const modFile = join(dir, 'go.mod')
  if (source.go?.kind === 'collector') {
    const builder = `go.opentelemetry.io/collector/cmd/builder@v${source.version}`
    const manifest = collectorManifest(readFileSync(join(dir, 'builder.yaml'), 'utf8'), source.version)
    writeFileSync(join(dir, 'builder.yaml'), manifest)
    writeFileSync(modFile, 'module kube-otel-lab/otelcol\n\ngo 1.26\n')
    await go(['get', '-tool', builder], dir)
    await go(['get', ...componentModules(manifest), module], dir)
    await writeCollector(dir, go)
    await completePins(source, dir, go)
    return
  }
  const elsewhere = join(dir, 'download')
  mkdirSync(elsewhere)
  writeFileSync(join(elsewhere, 'go.mod'), 'module download\n')
  const { stdout } = await go(['mod', 'download', '-json', module], elsewhere)
  const { GoMod } = JSON.parse(stdout) as { GoMod: string }
  writeFileSync(modFile, withReplacements(readFileSync(modFile, 'utf8'), readFileSync(GoMod, 'utf8'), source.version))
  await go(['get', module], dir)
  await completePins(source, dir, go)
}

/** Adds what is missing to go.mod and go.sum, for every platform, and removes what is not needed. */
async function completePins(source: Source, dir: string, go: Go): Promise<void> {
  if (source.go?.kind !== 'collector') {
    await go(['mod', 'tidy'], dir)
    return
  }
  const written = join(dir, 'source')
  copyFileSync(join(dir, 'go.mod'), join(written, 'go.mod'))
  rmSync(join(written, 'go.sum'), { force: true })
  // Not `go mod tidy`, nor the builder, which runs it: both also need the modules of the components' tests.
  await go(['get', '.'], written)
  // `go get tool` would move the builder to its newest version.
  await go(['list', '-deps', 'tool'], written)
  for (const name of ['go.mod', 'go.sum']) copyFileSync(join(written, name), join(dir, name))
}

/** Writes the collector's source, to the folder `source`: `output_path` in builder.yaml. */
async function writeCollector(dir: string, go: Go): Promise<void> {
  await go(['tool', 'builder', '--config', 'builder.yaml', '--skip-compilation', '--skip-get-modules'], dir)
}

/**
 * Raises the modules that several sources have to the highest of their versions, until no go.mod changes: a package is compiled once for all
 * builds that have the same version of it and of all that it imports.
 */
async function sharePins(sources: readonly Source[], context: Pick<Context, 'goModulesDir'>, go: Go): Promise<void> {
  const read = (source: Source) => readFileSync(join(moduleDir(source, context), 'go.mod'), 'utf8')
  for (let changed = true; changed; ) {
    changed = false
    for (const source of sources) {
      const before = read(source)
      const after = withRequirements(before, sources.map(read), source)
      if (after === before) continue
      const dir = moduleDir(source, context)
      // Before: the builder refuses a go.mod that has to be completed.
      if (source.go?.kind === 'collector' && !existsSync(join(dir, 'source'))) await writeCollector(dir, go)
      writeFileSync(join(dir, 'go.mod'), after)
      await completePins(source, dir, go)
      changed ||= read(source) !== before
    }
  }
}

/** A go.mod with the shared requirements of others, for modules that it requires; Go takes the highest version of each. */
export function withRequirements(text: string, others: readonly string[], { go }: Pick<Source, 'go'>): string {
  const own = new Map(requirements(text))
  const lines = others
    .flatMap(requirements)
    .filter(([module, version]) => own.has(module) && own.get(module) !== version)
    .filter(([module]) => module !== go?.module && go?.shared?.test(module) === true)
    .map(([module, version]) => `require ${module} ${version}\n`)
  return lines.length === 0 ? text : `${text}\n${[...new Set(lines)].join('')}`
}

/** The modules that a go.mod requires or replaces by a version, with that version. */
export function requirements(text: string): [module: string, version: string][] {
  const required = text.matchAll(/^\s*(?:require )?([\w.~/-]+\.[\w.~/-]+) (v\S+)(?: \/\/ indirect)?$/gm)
  const replaced = text.matchAll(/^\s*(?:replace )?(\S+) => \S+ (v\S+)$/gm)
  const versions = new Map([...required, ...replaced].map(([, module = '', version = '']) => [module, version]))
  return [...versions]
}

/**
 * builder.yaml for another version of the collector. Providers have their own version: v1.55.0 with 0.149.0, one minor more in each release.
 * A component marked `# keep` stays at its version.
 */
export function collectorManifest(text: string, version: string): string {
  const [, minor = '', patch = ''] = /^0\.(\d+)\.(\d+)$/.exec(version) ?? []
  const provider = `1.${Number(minor) - 94}.${patch}`
  return text
    .replace(/^( {2}version: ).*$/m, `$1${version}`)
    .replace(
      /(gomod: \S+) v\S+$/gm,
      (_, module: string) => `${module} v${module.includes('/confmap/provider/') ? provider : version}`,
    )
}

/**
 * Our go.mod with the replacements that a module of Kubernetes needs: its own go.mod replaces staging modules by folders that a download does
 * not contain; each is also published as v0.<minor>.<patch>. Unchanged for a module without staging modules.
 */
export function withReplacements(ours: string, modules: string, version: string): string {
  const staging = [...modules.matchAll(/^\s*(k8s\.io\/\S+) => \.\/staging\//gm)].map(([, path = '']) => path)
  if (staging.length === 0) return ours
  const own = `v${version.replace(/^1\./, '0.')}`
  const lines = staging.map(path => `\t${path} => ${path} ${own}\n`).join('')
  return ours
    .replace(/^(\/\/ have at that place: .*published with )v\S+\.$/m, `$1v${version}.`)
    .replace(/^replace \(\n(?:\t.*\n)*\)/m, `replace (\n${lines})`)
}

function moduleVersion({ go, version }: Source): string {
  return (go?.moduleVersion ?? (same => same))(version)
}
