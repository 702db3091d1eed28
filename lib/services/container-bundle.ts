import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Lab, projectDir } from '../lab/lab.ts'
import { containerDir, writeForContainer } from './container-user.ts'

/** The files beside a bundled program: the Kubernetes client, and the thread that reads credentials with it. */
const WORKER = 'credentials-worker.js'
const CLIENT = 'kubernetes-client.mjs'

/**
 * Bundles one of the lab's programs with its imports into the folder of its container, which has only Node.js. Returns the program's
 * file name, and the text of all files.
 *
 * Throws a LabError when a file cannot be written.
 */
export async function bundleProgram(
  lab: Lab,
  service: string,
  main: string,
): Promise<{ file: string; contents: string }> {
  const [program, client] = await Promise.all([bundle(join(projectDir, main)), clientBundle(lab, service)])
  const file = `${service}.mjs`
  const worker = readFileSync(join(projectDir, 'lib', 'kube', WORKER), 'utf8')
  const files = { [file]: program, [CLIENT]: client, [WORKER]: worker, 'package.json': '{"type":"module"}\n' }
  for (const [name, text] of Object.entries(files)) writeForContainer(lab, service, name, text)
  return { file, contents: Object.values(files).join('') }
}

/** The Kubernetes client as one file. Bundling it takes longest: an existing file of the same packages is reused. */
async function clientBundle(lab: Lab, service: string): Promise<string> {
  const lock = readFileSync(join(projectDir, 'package-lock.json'))
  const madeOf = `// Made of the packages of ${createHash('sha256').update(lock).digest('hex')}\n`
  const path = join(containerDir(lab, service), CLIENT)
  const there = existsSync(path) ? readFileSync(path, 'utf8') : ''
  if (there.startsWith(madeOf)) return there
  return `${madeOf}${await bundle(join(projectDir, 'lib', 'services', 'kubernetes-client.js'))}`
}

async function bundle(entry: string): Promise<string> {
  // Takes a tenth of a second to load, and only these steps need it.
  const { build } = await import('esbuild')
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    // CommonJS packages load Node.js's modules by require(); the library that the thread loads is beside the bundle.
    // These names occur in no bundled code.
    banner: {
      js: [
        "import { createRequire as bundleRequire } from 'node:module'",
        'globalThis.require = bundleRequire(import.meta.url)',
        `const resolveBundled = () => new URL('./${CLIENT}', import.meta.url).href`,
      ].join('\n'),
    },
    define: { 'import.meta.resolve': 'resolveBundled' },
    legalComments: 'none',
    logLevel: 'silent',
  })
  return result.outputFiles[0]?.text ?? ''
}
