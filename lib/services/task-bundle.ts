/** Makes the bundle that lib/cli/bundled.js runs tasks from, in the folder that it names: one ES module for each task, and those that they share. */
import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { projectDir, writeFileAtomically } from '../lab/lab.ts'
import { sourceFolders } from './daemon-bundle.ts'

const DAY_MS = 86_400_000
const [, , bundlesDir = ''] = process.argv
const startMs = Date.now()
const dir = join(bundlesDir, `${startMs}-${process.pid}`)

const { metafile } = await build({
  entryPoints: ['lib/cli/steps.ts', ...readdirSync(join(projectDir, 'tasks')).map(task => `tasks/${task}`)],
  absWorkingDir: projectDir,
  outdir: dir,
  entryNames: '[name]',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  metafile: true,
  packages: 'external',
  platform: 'node',
  target: 'node20',
  format: 'esm',
  plugins: [sourceFolders],
  logLevel: 'error',
}).catch(() => process.exit(1))

const stampOf = (path: string) => {
  const { mtimeMs, size } = statSync(join(projectDir, path))
  return mtimeMs < startMs ? `${mtimeMs} ${size}` : 'changed meanwhile'
}
const sources = Object.keys(metafile.inputs).map(path => [path, stampOf(path)])
writeFileAtomically(join(bundlesDir, 'newest.json'), JSON.stringify({ dir, sources: Object.fromEntries(sources) }))
// A task can load parts of its bundle as long as it runs.
for (const name of readdirSync(bundlesDir)) {
  if (Number.parseInt(name, 10) < startMs - DAY_MS) rmSync(join(bundlesDir, name), { recursive: true, force: true })
}
