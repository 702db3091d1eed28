import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Plugin } from 'esbuild'
import { projectDir, writeFileAtomically } from '../lab/lab.ts'
import type { ServiceSpec } from './process-services.ts'

/** In node_modules: there the bundles find packages, and `npm ci` removes them. */
const CACHE_DIR = join(projectDir, 'node_modules', '.cache', 'kube-otel-lab')
const SOURCE = /^\/\/ (?<digest>\w+) (?<files>\[.*\])\n/

/** In two parts, so that a bundle of this file keeps it. */
const OWN_FOLDER = ['import.meta', 'dirname'].join('.')

/** For esbuild: `import.meta.dirname` remains the folder of the source. */
export const sourceFolders: Plugin = {
  name: 'source-folders',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8')
      return { contents: text.replaceAll(OWN_FOLDER, () => JSON.stringify(dirname(path))), loader: 'ts' }
    })
  },
}

export interface DaemonOptions {
  nodeFlags?: readonly string[]
  args: readonly string[]
  cacheDir?: string
}

/**
 * The command that runs one of the lab's daemons as a process of this machine, from a bundle: Node.js starts it in a fifth of the CPU time
 * that `node --import tsx` takes, and without the process that compiles for tsx. The service is restarted when the bundle's sources change.
 *
 * Throws a LabError when a file cannot be written.
 */
export async function daemonCommand(
  service: string,
  main: string,
  { nodeFlags = [], args, cacheDir = CACHE_DIR }: DaemonOptions,
): Promise<Pick<ServiceSpec, 'command' | 'args' | 'contents'>> {
  const program = await daemonBundle(service, main, cacheDir)
  return {
    command: process.execPath,
    args: [...nodeFlags, join(cacheDir, `${service}.mjs`), ...args],
    contents: SOURCE.exec(program)?.groups?.['digest'] ?? '',
  }
}

/** A daemon with all it imports as one ES module. It is cached until a source file, the packages or the clone's path change. */
export async function daemonBundle(service: string, main: string, cacheDir = CACHE_DIR): Promise<string> {
  const path = join(cacheDir, `${service}.mjs`)
  const cached = existsSync(path) ? readFileSync(path, 'utf8') : ''
  const { digest, files } = SOURCE.exec(cached)?.groups ?? {}
  if (files !== undefined && sourceDigest(JSON.parse(files) as string[]) === digest) return cached
  const { code, sources } = await bundle(join(projectDir, main))
  const program = `// ${sourceDigest(sources)} ${JSON.stringify(sources)}\n${code}`
  writeIfChanged(path, program)
  return program
}

/** Bundles an ES module with all it imports; `sources` are the project's own files in it, relative to the project. */
export async function bundle(entry: string): Promise<{ code: string; sources: string[] }> {
  // Loading esbuild takes a tenth of a second.
  const { build } = await import('esbuild')
  const result = await build({
    entryPoints: [entry],
    absWorkingDir: projectDir,
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    // Both are loaded when needed, and only on this machine, where the bundle finds them in node_modules.
    external: ['esbuild', '@kubernetes/client-node'],
    // CommonJS packages load Node.js modules by require(). The prefix avoids clashes with names in the bundle.
    banner: {
      js: [
        "import { createRequire as bundleRequire } from 'node:module'",
        'globalThis.require = bundleRequire(import.meta.url)',
      ].join('\n'),
    },
    plugins: [sourceFolders],
    legalComments: 'none',
    logLevel: 'silent',
  })
  const sources = Object.keys(result.metafile.inputs).filter(path => !path.includes('node_modules/'))
  return { code: result.outputFiles[0]?.text ?? '', sources }
}

function sourceDigest(sources: readonly string[]): string {
  const hash = createHash('sha256').update(projectDir)
  const ownSource = join('lib', 'services', 'daemon-bundle.ts')
  for (const source of ['package-lock.json', ownSource, ...sources]) {
    const path = join(projectDir, source)
    hash.update(existsSync(path) ? readFileSync(path) : 'deleted')
  }
  return hash.digest('hex')
}

function writeIfChanged(path: string, text: string): void {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return
  mkdirSync(dirname(path), { recursive: true })
  writeFileAtomically(path, text)
}
