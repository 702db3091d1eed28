import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { LabError } from '../../../lib/cli/errors.ts'
import { takeLock } from '../../../lib/system/lock.ts'
import { bundledScript } from '../../support/bundled-script.ts'
import { tempDir, until, untilFile } from '../../support/temp-lab.ts'

const children: ChildProcess[] = []

const script = await bundledScript(join(import.meta.dirname, 'lock-holder.ts'))
/** A process that takes the lock at `path` and does what `act` says: adds one to the number in `act`, or holds on for ever. */
function holder(path: string, act: string) {
  const child = spawn(process.execPath, [script, path, act], { stdio: 'inherit' })
  children.push(child)
  return { child, ended: new Promise<number | null>(resolve => child.once('close', resolve)) }
}
const refusal = ({ pid, program }: { pid: number; program: string }) => new LabError(`held by ${program} ${pid}`)
const path = () => join(tempDir(), 'own', 'x.lock')

const locks = suite('takeLock()')
locks.after.each(() => {
  for (const child of children) child.kill('SIGKILL')
})

locks('is held by one process at a time', async () => {
  const at = path()
  const number = join(tempDir(), 'number')
  writeFileSync(number, '0')
  const codes = await Promise.all(Array.from({ length: 4 }, () => holder(at, number).ended))
  assert.deepEqual(codes, [0, 0, 0, 0])
  assert.equal(readFileSync(number, 'utf8'), '40')
  assert.equal(existsSync(join(at, '..')), false)
})

locks('names the holder after the wait, and is free when the holder was killed', async () => {
  const at = path()
  const { child, ended } = holder(at, 'hold')
  await untilFile(at)
  const told: number[] = []
  const options = { path: at, refusal, onWait: ({ pid }: { pid: number }) => told.push(pid) }
  await assert.rejects(takeLock({ ...options, waitMs: 0 }), { message: `held by lock-holder.mjs ${child.pid}` })
  assert.deepEqual(told, [])
  const waiting = takeLock({ ...options, waitMs: 60_000 })
  await until('it waits', () => told.length === 1)
  child.kill('SIGKILL')
  await ended
  const release = await waiting
  assert.equal(JSON.parse(readFileSync(at, 'utf8')).pid, process.pid)
  release()
  assert.equal(existsSync(at), false)
})

for (const [what, text] of [
  ['a process that has its number by chance', JSON.stringify({ pid: process.ppid, program: 'kwok-nodes.ts' })],
  ['this process, in an earlier life', JSON.stringify({ pid: process.pid, program: '' })],
  ['no process, as it can’t be read', '{'],
] as const) {
  locks(`takes the lock of ${what}`, async () => {
    const at = path()
    mkdirSync(join(at, '..'))
    writeFileSync(at, text)
    const release = await takeLock({ path: at, waitMs: 0, refusal })
    release()
  })
}
locks.run()
