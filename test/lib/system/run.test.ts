import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { $, run } from '../../../lib/system/run.ts'
import { tempDir } from '../../support/temp-lab.ts'

const runs = suite('run()')
const print = 'process.stdout.write(JSON.stringify(process.argv.slice(1)))'

runs('passes arguments unchanged', async () => {
  const odd = [
    '',
    ' ',
    "it's",
    '"',
    '$HOME',
    '`id`',
    '$(id)',
    '*',
    'a\nb',
    '; true',
    '\\',
    'ü',
    '--x=y z',
    '!!',
    '~',
    '{a,b}',
  ]
  const { stdout } = await run(process.execPath, ['-e', print, '--', ...odd])
  assert.deepEqual(JSON.parse(stdout), odd)
})

runs('runs a command whose path has a space', async () => {
  const dir = join(tempDir(), 'a folder')
  mkdirSync(dir)
  symlinkSync(process.execPath, join(dir, 'node'))
  assert.equal((await run(join(dir, 'node'), ['-e', 'console.log("up")'])).stdout, 'up\n')
})

runs('gives exit code, stdout and stderr', async () => {
  const result = await run('sh', ['-c', 'echo out; echo err >&2; exit 3'], { nothrow: true })
  assert.deepEqual(result, { exitCode: 3, stdout: 'out\n', stderr: 'err\n' })
})

runs('throws with the end of stderr, else of stdout', async () => {
  const lines = 'for i in 1 2 3 4 5 6 7 8 9 10; do echo line $i; done'
  const message = /^sh -c .* failed: exit code 4\n {4}line 3\n[\s\S]*\n {4}line 10$/
  await assert.rejects(run('sh', ['-c', `${lines} >&2; echo out; exit 4`]), { name: 'LabError', message })
  await assert.rejects(run('sh', ['-c', `${lines}; exit 4`]), { name: 'LabError', message })
})

runs('throws for a missing command', async () => {
  await assert.rejects(run('/nowhere/program', ['x']), { name: 'LabError', message: /^\/nowhere\/program x failed/ })
  assert.equal((await run('/nowhere/program', [], { nothrow: true })).exitCode, 127)
})

runs('passes input', async () => {
  assert.equal((await run('cat', [], { input: 'a\nb' })).stdout, 'a\nb')
})

runs('closes standard input, so that a command that reads does not wait', async () => {
  for (const options of [{}, { input: '' }]) {
    const result = await run('cat', [], { ...options, timeoutMs: 30_000, nothrow: true })
    assert.deepEqual(result, { exitCode: 0, stdout: '', stderr: '' })
  }
})

runs('replaces the whole environment and the working folder', async () => {
  const dir = tempDir()
  const env = { PATH: process.env.PATH, ONLY: 'this' }
  const { stdout } = await run('sh', ['-c', 'echo "$ONLY:$HOME:$(pwd)"'], { env, cwd: dir })
  assert.equal(stdout, `this::${dir}\n`)
})

runs('ends a command at its time limit and reports it', async () => {
  const startedMs = Date.now()
  await assert.rejects(run('sleep', ['60'], { timeoutMs: 300 }), {
    name: 'LabError',
    message: 'sleep 60 failed: no end after 300 ms',
  })
  assert(Date.now() - startedMs < 30_000)
  const script = 'echo busy >&2; exec sleep 60'
  const { exitCode, stderr } = await run('sh', ['-c', script], { timeoutMs: 2_000, nothrow: true })
  assert.notEqual(exitCode, 0)
  assert.equal(stderr, 'busy\nno end after 2000 ms\n')
})

runs('passes each line of stderr', async () => {
  const lines: string[] = []
  await run('sh', ['-c', 'printf "a\\nb" >&2; printf "c\\n" >&2'], { onStderrLine: line => lines.push(line) })
  assert.deepEqual(lines, ['a', 'bc'])
})
runs.run()

const templates = suite('$()')
const echo = ['/bin/echo', '-n']

templates('passes each value as one argument, and each item of a list', async () => {
  assert.equal((await $`${echo} a ${'b  $c'} --d=${4}`).stdout, 'a b  $c --d=4')
  assert.equal((await $({ env: { PATH: process.env.PATH, ONLY: 'this' } })`printenv ONLY`).stdout, 'this\n')
})

templates('names the program of a list without its folder and options, and three arguments', async () => {
  const shell = ['/bin/sh', '-e']
  await assert.rejects($`${shell} /nowhere ${'b c'} d e`, { name: 'LabError', message: /^sh \/nowhere b c d failed: / })
  await assert.rejects($`false`, { message: 'false failed: exit code 1' })
})
templates.run()
