/** The runner, on test files that are written here. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import { projectDir } from '../../lib/lab/lab.ts'
import { isRunning } from './at-exit.ts'
import { waitFor } from './lab.ts'
import { skipLine } from './outcome.ts'
import { tempDir } from './temp-lab.ts'

/** A project whose only tests are these, by file below `test`. */
function projectWith(files: Record<string, string>): { dir: string; words: string[] } {
  const dir = tempDir()
  for (const folder of ['lib', 'dashboards', 'tasks', 'e2e/shared', 'e2e/plain', 'e2e/nodes'])
    mkdirSync(join(dir, 'test', folder), { recursive: true })
  for (const shared of ['lib', 'node_modules', 'package.json']) symlinkSync(join(projectDir, shared), join(dir, shared))
  // Without its tests: they run this runner.
  const support = readdirSync(join(projectDir, 'test', 'support')).filter(file => !file.endsWith('.test.ts'))
  mkdirSync(join(dir, 'test', 'support'))
  for (const file of support) symlinkSync(join(projectDir, 'test', 'support', file), join(dir, 'test', 'support', file))
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, 'test', file)), { recursive: true })
    writeFileSync(join(dir, 'test', file), `import { suite } from 'uvu'\nconst it = suite('it')\n${text}\nit.run()\n`)
  }
  copyFileSync(join(projectDir, 'test', 'run.ts'), join(dir, 'test', 'run.ts'))
  return { dir, words: ['--import', import.meta.resolve('tsx'), join(dir, 'test', 'run.ts')] }
}

/** Without PATH there is nothing to install with. */
const bare = { ...process.env, PATH: '/nowhere', REQUIRE: '' }

function runIn(files: Record<string, string>, words: string[], env: NodeJS.ProcessEnv = {}) {
  const project = projectWith(files)
  const args = [...project.words, ...words]
  const ended = spawnSync(process.execPath, args, { cwd: project.dir, encoding: 'utf8', env: { ...bare, ...env } })
  return { ...ended, dir: project.dir }
}

const skipping = `process.stdout.write(${JSON.stringify(skipLine('docker', 'there is no dockerd'))})\nit.skip('a')`
const passing = `it('passes', () => {})`

const runner = suite('test/run.ts')

runner('counts the tests of all chosen files; a file without a test fails', () => {
  const files = {
    'lib/a.test.ts': passing,
    'lib/empty.test.ts': '',
    'tasks/b.test.ts': `${passing}\nit('fails', () => { throw new Error('no') })`,
  }
  const { status, stdout } = runIn(files, ['unit', 'a.test', 'b.test', 'empty'])
  assert.equal(status, 1)
  assert.match(stdout, /^ok {5}test\/lib\/a\.test\.ts: 1 passed, 0 skipped \(\d+ s\)$/m)
  assert.match(stdout, /^FAILED test\/tasks\/b\.test\.ts: 1 passed, 0 skipped \(\d+ s\)$/m)
  assert.match(stdout, /^FAILED test\/lib\/empty\.test\.ts: 0 passed, 0 skipped \(\d+ s\)$/m)
  assert.match(stdout, /Error: no|\bno\b/)
  assert.equal(stdout.trim().split('\n').at(-1), '2 passed, 2 failed, 0 skipped')
})

runner('runs the files of a folder in one process, and gives each its own end', () => {
  const changing = `it('changes the process', () => {
    process.chdir('/')
    process.env.FROM_A = 'a'
    delete process.env.NO_COLOR
    globalThis.pidOfA = process.pid
  })`
  const unchanged = `it('is in the same process, unchanged', () => {
    const { FROM_A, NO_COLOR } = process.env
    const seen = [globalThis.pidOfA === process.pid, process.cwd() === '/', FROM_A, NO_COLOR].join()
    if (seen !== 'true,false,,1') throw new Error(seen)
  })`
  const files = {
    'lib/cli/a.test.ts': changing,
    'lib/cli/b.test.ts': unchanged,
    'lib/cli/c.test.ts': `import { createServer } from 'node:net'\n${passing}\nit('leaves a server', () => createServer().listen(0))`,
    'lib/cli/d.test.ts': `${passing}\nit('exits', () => process.exit(0))`,
    'lib/cli/e.test.ts': `${passing}\nit('throws', () => new Promise(() => setTimeout(() => { throw new Error('late') })))`,
    'lib/cli/f.test.ts': `import './no-such-file.ts'`,
    'lib/cli/g.test.ts': `${passing}\nit('never ends', () => new Promise(() => {}))`,
    'lib/cli/h.test.ts': passing,
  }
  const { status, stdout } = runIn(files, ['unit', 'lib/cli/'], { SETTLE_MS: '1000' })
  const ends = [...stdout.matchAll(/^(FAILED|ok) +test\/lib\/cli\/(.)\.test\.ts: (\d+) passed/gm)]
  assert.deepEqual(
    ends.map(([, ...words]) => words.join(' ')),
    ['ok a 1', 'ok b 1', 'FAILED c 2', 'FAILED d 0', 'FAILED e 0', 'FAILED f 0', 'FAILED g 0', 'ok h 1'],
  )
  assert.match(stdout, /^Still active 1 s after the last test: .*TCPServerWrap/m)
  assert.match(stdout, /^Error: late$/m)
  assert.match(stdout, /no-such-file\.ts/)
  assert.deepEqual([status, stdout.trim().split('\n').at(-1)], [1, '5 passed, 5 failed, 0 skipped'])
})

/** One run of all groups, whose files record the lab that they share. */
let whole: ReturnType<typeof runIn> | undefined
function runWhole() {
  const record = `it('records', async () => {
    const { appendFileSync, existsSync } = await import('node:fs')
    const { SHARED_LAB = '' } = process.env
    const name = import.meta.url.replace(/.*\\/test\\/(.*).test.ts/, '$1')
    appendFileSync('seen', [name, SHARED_LAB, existsSync(SHARED_LAB)].join(' ') + '\\n')
  })`
  const names = ['lib/unit', 'e2e/alone', 'e2e/plain/a', 'e2e/nodes/a', 'e2e/shared/verify']
  const recording = [...names, 'e2e/shared/changes/kwok', 'e2e/shared/changes/verify'].map(name => [name, record])
  const files = [...recording, ['e2e/docker', skipping]].map(([name, text]) => [`${name}.test.ts`, text])
  whole ??= runIn(Object.fromEntries(files), ['unit', 'e2e'])
  const seen = readFileSync(join(whole.dir, 'seen'), 'utf8').trim().split('\n')
  return { ...whole, seen: seen.map(line => line.split(' ') as [name: string, lab: string, isThere: string]) }
}

runner('skips the tests of a requirement that is not met and cannot be installed, with both reasons', () => {
  const { status, stdout } = runWhole()
  assert.match(
    stdout,
    /^ {7}Skipped: docker: there is no dockerd; cannot install docker-cli \| docker\.io, .*: there is no apt-get$/m,
  )
  assert.deepEqual([status, stdout.trim().split('\n').at(-1)], [0, '7 passed, 0 failed, 1 skipped'])
})

runner('runs the files of the shared lab one after the other with one folder, and removes it after the last', () => {
  const seen = runWhole().seen.filter(([name]) => name.startsWith('e2e/shared/'))
  const [[, folder] = ['', '']] = seen
  assert.deepEqual(
    seen,
    ['verify', 'changes/verify', 'changes/kwok'].map(name => [`e2e/shared/${name}`, folder, 'true']),
  )
  assert.equal(existsSync(folder), false)
})

runner('runs the files of the second and third lab last in their lanes, on labs of their own', () => {
  const { seen } = runWhole()
  const labs = new Map(seen.map(([name, lab]) => [name, lab]))
  for (const lane of [
    ['lib/unit', 'e2e/plain/a'],
    ['e2e/alone', 'e2e/nodes/a'],
  ])
    assert.deepEqual(
      [...labs.keys()].filter(name => lane.includes(name)),
      lane,
    )
  assert.deepEqual([labs.get('lib/unit'), labs.get('e2e/alone')], ['', ''])
  const shared = ['e2e/plain/a', 'e2e/nodes/a', 'e2e/shared/verify'].map(name => labs.get(name))
  assert.equal(new Set(shared).size, 3)
})

runner('fails where such a requirement is required, with the reason', () => {
  const { status, stdout } = runIn({ 'e2e/docker.test.ts': skipping }, ['e2e'], { REQUIRE: 'docker' })
  assert.match(stdout, /^ {7}Required but not met: docker: there is no dockerd; cannot install /m)
  assert.deepEqual([status, stdout.trim().split('\n').at(-1)], [1, '0 passed, 1 failed, 0 skipped'])
})

runner('refuses a requirement that it does not know, and runs nothing', () => {
  const { status, stdout, stderr } = runIn({ 'e2e/docker.test.ts': skipping }, ['e2e'], { REQUIRE: 'podman' })
  const said = 'Unknown requirement "podman" in REQUIRE\n  Next: use docker, real-node, chromium\n'
  assert.deepEqual([status, stdout, stderr], [2, '', said])
})

runner('fails where no file is chosen', () => {
  const { status, stderr } = runIn({ 'lib/a.test.ts': passing }, ['unit', 'no-such-file'])
  assert.equal(status, 1)
  assert.match(stderr, /^No test was run\n {2}Next: name unit, e2e or a part of a path\n$/)
})

runner('on a signal ends the test files, which clean up first, and the processes that they started', async () => {
  const at = (name: string) => join(project.dir, name)
  const project = projectWith({
    'lib/slow.test.ts': `
      const { spawn } = await import('node:child_process')
      const { existsSync, writeFileSync } = await import('node:fs')
      const { atExit } = await import('../support/at-exit.ts')
      it('waits', async () => {
        const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
        atExit(() => writeFileSync('first', ''))
        atExit(() => writeFileSync('cleaned', existsSync('first') ? 'wrong order' : 'newest first'))
        writeFileSync('child', String(child.pid))
        writeFileSync('started', '')
        await new Promise(resolve => setTimeout(resolve, 60_000))
      })`,
    'lib/zz-never.test.ts': `await import('node:fs').then(({ writeFileSync }) => writeFileSync('never', ''))\n${passing}`,
  })
  const env = { ...bare, AT_ONCE: '1' }
  const running = spawn(process.execPath, [...project.words, 'unit', 'lib/'], { cwd: project.dir, env })
  const ended = new Promise(resolve => running.once('close', resolve))
  await waitFor('the test that waits', () => assert(existsSync(at('started')), 'no file'))
  running.kill('SIGTERM')
  assert.equal(await ended, 128 + 15)
  assert.equal(readFileSync(at('cleaned'), 'utf8'), 'newest first')
  assert(existsSync(at('first')))
  // The kernel ends it after the signal, not with it.
  await waitFor('the end of what a test has started', () => {
    assert(!isRunning(Number(readFileSync(at('child'), 'utf8'))), 'a process that a test has started still runs')
  })
  assert(!existsSync(at('never')), 'the next file was run')
})
runner.run()
