import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { suite } from 'uvu'
import { endProcessGroup, processInfos, signalProcess } from '../../../lib/system/processes.ts'
import { until } from '../../support/temp-lab.ts'

const children: ChildProcess[] = []
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

/** A child of this test with a process group of its own that runs until it is ended; its first output line has come. */
async function start(command: string, args: string[]): Promise<{ child: ChildProcess; pid: number; line: string }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  children.push(child)
  const [line] = await once(child.stdout, 'data')
  return { child, pid: child.pid ?? 0, line: String(line).trim() }
}
const node = (program: string, ...args: string[]) =>
  start(process.execPath, ['-e', `${program}; console.log("up"); setInterval(() => {}, 1000)`, ...args])

const infos = suite('processInfos()')

infos('gives command line and memory of a process', async () => {
  const { child, pid } = await node('0', 'an argument', 'x')
  const info = (await processInfos([pid])).get(pid)
  assert(info)
  assert.equal(info.pid, pid)
  assert(info.command.startsWith(`${process.execPath} -e `), info.command)
  assert(info.command.endsWith(' an argument x'), info.command)
  assert(info.residentBytes > 10e6 && info.residentBytes < 500e6, `${info.residentBytes}`)
  child.kill()
})

infos('does not cut a long command line', async () => {
  const long = 'x'.repeat(20_000)
  const { child, pid } = await node('0', long)
  assert((await processInfos([pid])).get(pid)?.command.endsWith(long))
  child.kill()
})

infos('gives only processes that run', async () => {
  const { child, pid } = await node('0')
  const gone = spawn('true')
  await once(gone, 'close')
  const found = await processInfos([process.pid, gone.pid ?? 0, pid])
  assert.deepEqual(
    [...found.keys()].sort((a, b) => a - b),
    [process.pid, pid].sort((a, b) => a - b),
  )
  child.kill()
})

infos('leaves out a zombie', async () => {
  // The shell becomes a program that never asks for its child's end, and the child ends after that.
  const { child, pid, line } = await start('sh', ['-c', 'sleep 61 & echo $!; exec sleep 60'])
  const zombie = Number(line)
  const command = async () => (await processInfos([pid])).get(pid)?.command
  try {
    await until('the shell has become sleep', async () => (await command()) === 'sleep 60')
    assert.equal((await processInfos([zombie])).size, 1)
    process.kill(zombie, 'SIGKILL')
    await until('the child has ended', async () => !(await processInfos([zombie])).has(zombie))
    assert.equal(await command(), 'sleep 60')
    assert.equal(signalProcess(zombie, 'SIGCONT'), true, 'it is there all the same')
  } finally {
    child.kill()
  }
})

infos('gives a start that is unique and survives an exec', async () => {
  const { child, pid } = await start('sh', ['-c', 'echo up; sleep 0.3; exec sleep 60'])
  const started = async () => (await processInfos([pid])).get(pid)?.started
  const first = await started()
  assert(first)
  await until('the shell has become sleep', async () => (await processInfos([pid])).get(pid)?.command === 'sleep 60')
  assert.equal(await started(), first)
  assert.notEqual((await processInfos([process.pid])).get(process.pid)?.started, first)
  child.kill()
})

infos('ignores the user’s settings for ps', async () => {
  Object.assign(process.env, { PS_FORMAT: 'comm', PS_PERSONALITY: 'hpux' })
  try {
    assert.equal((await processInfos([process.pid])).get(process.pid)?.pid, process.pid)
  } finally {
    delete process.env['PS_FORMAT']
    delete process.env['PS_PERSONALITY']
  }
})

infos('gives nothing for no pids', async () => assert.equal((await processInfos([])).size, 0))
infos.run()

const ends = suite('endProcessGroup()')

ends('ends a process by TERM, and returns when it has ended', async () => {
  const { child, pid } = await node('0')
  const closed = once(child, 'exit')
  const startedMs = Date.now()
  await endProcessGroup(pid, 300_000)
  assert(Date.now() - startedMs < 60_000)
  assert.deepEqual(await closed, [null, 'SIGTERM'])
})

ends('waits for a process that cleans up', async () => {
  const { child, pid } = await node('process.on("SIGTERM", () => setTimeout(() => process.exit(7), 200))')
  const closed = once(child, 'exit')
  await endProcessGroup(pid, 60_000)
  assert.deepEqual(await closed, [7, null])
})

ends('ends a process that ignores TERM by KILL, after the grace period', async () => {
  const { child, pid } = await node('process.on("SIGTERM", () => {})')
  const closed = once(child, 'exit')
  const startedMs = Date.now()
  await endProcessGroup(pid, 300)
  const tookMs = Date.now() - startedMs
  assert(tookMs >= 300 && tookMs < 30_000, `${tookMs} ms`)
  assert.deepEqual(await closed, [null, 'SIGKILL'])
})

ends('ends the children of a shell, also when the shell ends first', async () => {
  const { pid, line } = await start('sh', [
    '-c',
    'sh -c \'trap "sleep 0.3; exit" TERM; echo $$; while :; do sleep 0.1; done\' & wait',
  ])
  const inner = Number(line)
  assert.equal((await processInfos([pid, inner])).size, 2)
  await endProcessGroup(pid, 5_000)
  assert.equal((await processInfos([pid, inner])).size, 0)
})

ends('returns at once when no process is left', async () => {
  const gone = spawn('true')
  await once(gone, 'close')
  const startedMs = Date.now()
  await endProcessGroup(gone.pid ?? 0, 300_000)
  assert(Date.now() - startedMs < 60_000)
})
ends.run()

const signals = suite('signalProcess()')
signals('signals the process, and is false without one', async () => {
  const { child, pid } = await node('process.on("SIGHUP", () => console.log("told"))')
  const told = once(child.stdout ?? child, 'data')
  assert.equal(signalProcess(pid, 'SIGHUP'), true)
  assert.equal(String((await told)[0]).trim(), 'told')
  const closed = once(child, 'exit')
  child.kill()
  await closed
  assert.equal(signalProcess(pid, 'SIGHUP'), false)
})
signals.run()
