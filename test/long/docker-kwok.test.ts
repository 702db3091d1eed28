/** The checks of `make kwok` on a lab of containers. test/e2e/docker.test.ts has the checks that differ by the runtime. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { atExit, endProcessSync } from '../support/at-exit.ts'
import { type Engine, haveEngine } from '../support/engine.ts'
import { loadLabImages } from '../support/lab-images.ts'
import { skipLine } from '../support/outcome.ts'
import { suite } from '../support/suite.ts'

const engine = await haveEngine()
if ('reason' in engine) process.stdout.write(skipLine('docker', engine.reason))
const runtime = suite('the Docker runtime')
const onEngine = 'reason' in engine ? runtime.skip : runtime

/** In this order on one lab, which the last file takes down. */
const files = ['shared/kwok', 'nodes/kwok', 'shared/changes/kwok-down'].map(name => `e2e/${name}.test.ts`)
const context = 'reason' in engine ? undefined : await prepare(engine)

for (const file of files) {
  onEngine(`passes test/${file}`, async () => {
    assert(context !== undefined)
    const { code, output } = await runTestFile(file, context.env)
    const count = (word: string) => Number(new RegExp(`^\\s*${word}:\\s+(\\d+)`, 'm').exec(output)?.[1])
    if (code !== 0) throw new Error(output)
    assert.ok(count('Total') > 0, output)
    assert.equal(count('Passed'), count('Total'), output)
  })
}
runtime.after(() => context?.end())
runtime.run()

/** The images, and a folder for the lab that the files share. */
async function prepare({ host, end }: Engine) {
  if (host !== undefined) process.env['DOCKER_HOST'] = host
  const images = await loadLabImages()
  const dir = mkdtempSync(join(tmpdir(), 'shared-lab-'))
  const close = join(import.meta.dirname, '..', 'support', 'close-shared-lab.ts')
  const closeLab = atExit(() => spawnSync(process.execPath, ['--import', 'tsx', close, dir], { stdio: 'inherit' }))
  return {
    env: { ...images.env, TEST_RUNTIME: 'docker', SHARED_LAB: dir },
    end: () => {
      closeLab()
      images.remove()
      end()
    },
  }
}

async function runTestFile(
  file: string,
  env: Record<string, string>,
): Promise<{ code: number | null; output: string }> {
  const folder = join(import.meta.dirname, '..')
  const uvu = join(folder, '..', 'node_modules', 'uvu', 'bin.js')
  const pattern = `^${file.replaceAll('.', '\\.')}$`
  const child = spawn(process.execPath, ['--import', 'tsx', uvu, '--no-color', folder, pattern], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env, NO_COLOR: '1' },
  })
  atExit(() => {
    if (child.pid !== undefined && child.exitCode === null) endProcessSync(child.pid, 90_000)
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  const code = await new Promise<number | null>(resolve => child.once('close', resolve))
  return { code, output }
}
