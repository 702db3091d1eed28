/** Every check that a lab of processes passes, on a lab of containers. test/e2e/docker.test.ts has those that differ by the runtime. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { atExit, endProcessSync } from '../support/at-exit.ts'
import { haveEngine } from '../support/engine.ts'
import { loadLabImages } from '../support/lab-images.ts'
import { skipLine } from '../support/outcome.ts'
import { suite } from '../support/suite.ts'

const engine = await haveEngine()
if ('reason' in engine) process.stdout.write(skipLine('docker', engine.reason))
const runtime = suite('the Docker runtime')
const onEngine = 'reason' in engine ? runtime.skip : runtime

onEngine('passes test/e2e/shared/kwok.test.ts', async () => {
  if ('reason' in engine) return
  if (engine.host !== undefined) process.env['DOCKER_HOST'] = engine.host
  const images = await loadLabImages()
  try {
    const { code, output } = await runTestFile('e2e/shared/kwok.test.ts', { ...images.env, TEST_RUNTIME: 'docker' })
    const count = (word: string) => Number(new RegExp(`^\\s*${word}:\\s+(\\d+)`, 'm').exec(output)?.[1])
    if (code !== 0) throw new Error(output)
    assert.ok(count('Total') > 10, output)
    assert.equal(count('Passed'), count('Total'), output)
  } finally {
    images.remove()
    engine.end()
  }
})
runtime.run()

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
