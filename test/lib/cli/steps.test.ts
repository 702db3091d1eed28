import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { suite } from 'uvu'
import { LabError } from '../../../lib/cli/errors.ts'
import { projectDir } from '../../../lib/lab/lab.ts'
import { takeLock } from '../../../lib/system/lock.ts'
import { processInfos } from '../../../lib/system/processes.ts'
import { bundledScript } from '../../support/bundled-script.ts'
import { tempDir, until, untilFile } from '../../support/temp-lab.ts'

/** What the tasks import. */
const modules = join(tempDir(), 'modules.ts')
const sources = ['cli/errors', 'system/lock', 'system/run', 'lab/task'].map(name =>
  join(projectDir, 'lib', `${name}.ts`),
)
writeFileSync(modules, sources.map(path => `export * from '${path}'`).join('\n'))
/** As make runs them, without tsx. */
const bundles = await Promise.all([modules, join(projectDir, 'lib', 'cli', 'steps.ts')].map(bundledScript))

/** Writes tasks beside the bundle of steps.ts in a new folder, each as the statements of its body, and gives the paths of their sources. */
function writeTasks(bodies: Readonly<Record<string, string>>): { dir: string; files: string[] } {
  const dir = tempDir()
  for (const bundle of bundles) copyFileSync(bundle, join(dir, basename(bundle)))
  const files = Object.entries(bodies).map(([name, body]) => {
    writeFileSync(
      join(dir, `${name}.mjs`),
      `import { LabError, print, run, runTask, say, takeLock, UsageError } from './modules.mjs'
      const refusal = () => new LabError('held')
      await runTask({ about: 'A step.', settings: ['nodeCount'] }, async ({ lab }) => { ${body} })`,
    )
    return join(dir, `${name}.ts`)
  })
  return { dir, files }
}

interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  /** Both streams, in the order they came. */
  said: string
}

/** Starts a program in a process group of its own, as a terminal does. */
function start(words: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, words, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
  }
  const ended = new Promise<Ended>(resolve => child.once('close', (code, signal) => resolve({ code, signal, said })))
  return { pid: child.pid ?? 0, ended }
}

const steps = (files: readonly string[], env?: NodeJS.ProcessEnv) =>
  start([join(dirname(files[0] ?? ''), 'steps.mjs'), ...files], env)

const running = suite('lib/cli/steps.ts')

running('runs the tasks in order, each with its output in a process of its own', async () => {
  const { files } = writeTasks({
    first: `say('to stderr'); print(\`\${lab.settings.nodeCount} nodes\`)`,
    second: `print(JSON.stringify(process.argv.slice(1)))`,
    third: `await new Promise(resolve => setTimeout(resolve, 50)); print('late')`,
  })
  const env = { NODE_COUNT: '7' }
  const alone = []
  for (const file of files) alone.push(await start([file.replace('.ts', '.mjs')], env).ended)
  const said = alone.map(each => each.said.replace('.mjs', '.ts')).join('')
  assert.match(said, /^to stderr\n7 nodes\n\["\/.*second\.ts"\]\nlate\n$/)
  assert.deepEqual(await steps(files, env).ended, { code: 0, signal: null, said })
})

for (const [how, body, code, why] of [
  ['fails', `throw new LabError('No', { next: 'go on' })`, 1, 'No\n  Next: go on\n'],
  ['refuses its settings', `throw new UsageError('Wrong')`, 2, 'Wrong\n'],
  ['gives an exit code of its own', `print('partly'); return 3`, 3, 'partly\n'],
] as const) {
  running(`stops at a task that ${how}, with its exit code`, async () => {
    const { files } = writeTasks({ well: `print('well')`, 'kwok-ill': body, never: `print('never')` })
    const said = `well\n${why}Step kwok-ill failed\n`
    assert.deepEqual(await steps(files).ended, { code, signal: null, said })
  })
}

running('reads the settings strictly, as each task does', async () => {
  const { files } = writeTasks({ first: `print('first')`, second: '' })
  const { code, said } = await steps(files, { NODE_COUNT: 'many' }).ended
  assert.equal(code, 2)
  assert.match(said, /^NODE_COUNT=many is invalid: .*\n {2}Next: .*\nStep first failed\n$/)
})

running('stops at a task that cannot be loaded, with the stack', async () => {
  const { dir, files } = writeTasks({ first: `print('first')`, broken: '', never: `print('never')` })
  writeFileSync(join(dir, 'broken.mjs'), `throw new Error('broken at import')`)
  const { code, said } = await steps(files).ended
  assert.equal(code, 1)
  assert.match(said, /^first\n[\s\S]*Error: broken at import\n +at .*broken\.mjs:1:/)
  assert.doesNotMatch(said, /never/)
})

running('names the running task to a process that waits for the lab’s lock', async () => {
  const path = join(tempDir(), 'x.lock')
  const hold = `await takeLock({ path: ${JSON.stringify(path)}, waitMs: 0, refusal }); await run('sleep', ['600'])`
  const { files } = writeTasks({ first: '', 'kwok-holder': hold, last: '' })
  const { pid, ended } = steps(files)
  await untilFile(path)
  const refusal = (holder: { pid: number; program: string }) => new LabError(`held by ${holder.program} ${holder.pid}`)
  await assert.rejects(takeLock({ path, waitMs: 0, refusal }), { message: `held by kwok-holder.ts ${pid}` })
  process.kill(-pid, 'SIGKILL')
  await ended
})

running('releases the lock at the end of each task', async () => {
  const path = JSON.stringify(join(tempDir(), 'x.lock'))
  const take = `const release = await takeLock({ path: ${path}, waitMs: 0, refusal });`
  const { files } = writeTasks({ first: `${take} release()`, second: `${take} release(); print('taken twice')` })
  assert.deepEqual(await steps(files).ended, { code: 0, signal: null, said: 'taken twice\n' })
})

for (const at of ['first', 'last']) {
  running(`is ended by Ctrl-C in its ${at} task, with the command that runs; the lock is free then`, async () => {
    const dir = tempDir()
    const [path, pidFile] = [join(dir, 'x.lock'), join(dir, 'pid')]
    const hold = `await takeLock({ path: ${JSON.stringify(path)}, waitMs: 0, refusal })
      await run('sh', ['-c', ${JSON.stringify(`echo $$ > ${pidFile}; exec sleep 600`)}])`
    const quick = `await run('true', []); print('quick')`
    const { files } = writeTasks(at === 'first' ? { held: hold, quick } : { quick, held: hold })
    const { pid, ended } = steps(files)
    await until('the command runs', () => existsSync(pidFile) && readFileSync(pidFile, 'utf8').endsWith('\n'))
    process.kill(-pid, 'SIGINT')
    assert.deepEqual(await ended, { code: null, signal: 'SIGINT', said: at === 'first' ? '' : 'quick\n' })
    const command = Number(readFileSync(pidFile, 'utf8'))
    await until('the command has ended', async () => !(await processInfos([command])).has(command))
    const release = await takeLock({ path, waitMs: 0, refusal: () => new LabError('it is still held') })
    release()
  })
}

for (const [how, last, code] of [
  ['a task that fails', `throw new LabError('No')`, 1],
  ['its last task', '', 0],
] as const) {
  running(`ends with ${how}, whatever was left open`, async () => {
    const { files } = writeTasks({
      open: `const { createServer } = await import('node:http')
        createServer().listen(0, '127.0.0.1'); setInterval(() => {}, 1_000); void run('sleep', ['600'])`,
      last,
    })
    const { pid, ended } = steps(files)
    const timer = setTimeout(() => process.kill(-pid, 'SIGKILL'), 120_000)
    const { signal, ...rest } = await ended
    clearTimeout(timer)
    assert.deepEqual([signal, rest.code], [null, code])
    process.kill(-pid, 'SIGKILL')
  })
}
running.run()
