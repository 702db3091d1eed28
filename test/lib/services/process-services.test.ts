import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import type { Lab } from '../../../lib/lab/lab.ts'
import { lastLogLines, processServices, type ServiceSpec } from '../../../lib/services/process-services.ts'
import { services } from '../../../lib/services/service-list.ts'
import { processInfos } from '../../../lib/system/processes.ts'
import { run } from '../../../lib/system/run.ts'
import { bundledScript } from '../../support/bundled-script.ts'
import { tempDir, tempLab, until, untilFile } from '../../support/temp-lab.ts'

const name = 'stats-proxy'
const pids = new Set<number>()
process.once('exit', () => {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {}
  }
})

/** A service of Node.js code that is ready when the file `ready` is in the lab's folder. */
const spec = (lab: Lab, program: string, more: Partial<ServiceSpec> = {}): ServiceSpec => ({
  name,
  command: process.execPath,
  args: ['-e', `${program}; setInterval(() => {}, 1000)`],
  ready: async () => existsSync(join(lab.dir, 'ready')),
  readyTimeoutMs: 60_000,
  ...more,
})
const getsReady = 'console.log("started", process.pid); require("fs").writeFileSync("ready", "")'
const logOf = (lab: Lab) => readFileSync(join(lab.logsDir, `${name}.log`), 'utf8')
const pidOf = async (lab: Lab) => {
  const pid = (await processServices(lab).state(name)).process?.pid
  if (pid !== undefined) pids.add(pid)
  return pid
}
const mode = (path: string) => statSync(path).mode & 0o777

const ensures = suite('processServices().ensure()')

ensures('starts a service, waits until it answers, and writes log and pid file with mode 0600', async () => {
  const lab = tempLab()
  const services = processServices(lab)
  const slow = `setTimeout(() => { ${getsReady} }, 300)`
  assert.equal(await services.ensure(spec(lab, slow, { env: { GREETING: 'hello' } })), true)
  const pid = await pidOf(lab)
  assert(pid)
  assert.equal(logOf(lab), `started ${pid}\n`)
  assert.equal(mode(join(lab.logsDir, `${name}.log`)), 0o600)
  assert.equal(mode(join(lab.pidsDir, `${name}.json`)), 0o600)
  assert.deepEqual(readdirSync(lab.pidsDir), [`${name}.json`])
  await services.stop(name)
})

ensures('gives it the lab’s folder, its own variables, no input and a session of its own', async () => {
  const lab = tempLab()
  const tell =
    'const {execSync} = require("child_process"); const ps = execSync("ps -o pgid= -p " + process.pid);' +
    'console.log(JSON.stringify([process.cwd(), process.env.GREETING, require("fs").readFileSync(0, "utf8"), Number(ps) === process.pid]))'
  await processServices(lab).ensure(spec(lab, `${tell}; ${getsReady}`, { env: { GREETING: 'hello' } }))
  await pidOf(lab)
  assert.deepEqual(JSON.parse(logOf(lab).split('\n')[0] ?? ''), [lab.dir, 'hello', '', true])
  await processServices(lab).stop(name)
})

/** What has been in shells, and would make another lab of it. */
const hostile = {
  ...{
    OTEL_RESOURCE_ATTRIBUTES: 'k8s.node.name=wrong',
    OTEL_SDK_DISABLED: 'true',
    ETCD_NAME: 'x',
    GF_SERVER_HTTP_PORT: '1',
  },
  ...{
    GOMEMLIMIT: '1MiB',
    GOGC: 'off',
    GODEBUG: 'gctrace=1',
    NODE_OPTIONS: '--max-http-header-size=20000',
    TZ: 'Asia/Tokyo',
  },
  ...{
    HTTPS_PROXY: 'http://127.0.0.1:1',
    http_proxy: 'http://127.0.0.1:1',
    NODE_USE_ENV_PROXY: '1',
    KUBECONFIG: '/theirs',
  },
}
const ofTools = { DOCKER_HOST: 'unix:///x', OTELCOL_BINARY: '/x', XDG_CACHE_HOME: '/x' }
const ofEverybody = { LC_ALL: 'C.UTF-8', TMPDIR: tmpdir() }
const ofShell = { ...hostile, ...ofTools, ...ofEverybody }
/** Which it gives to each process by itself. */
const isOfMacOs = (variable: string) => variable.startsWith('__CF')

for (const [fact, more, expected] of [
  ['of the shell’s variables gives it those on the list alone', {}, []],
  ['gives one that runs tools what they are found by', { runsTools: true }, Object.keys(ofTools)],
] as const) {
  ensures(fact, async () => {
    const lab = tempLab()
    const before = { ...process.env }
    Object.assign(process.env, ofShell)
    try {
      const tell = 'console.log(JSON.stringify(process.env))'
      await processServices(lab).ensure(spec(lab, `${tell}; ${getsReady}`, { env: { GREETING: 'hello' }, ...more }))
    } finally {
      for (const name of Object.keys(ofShell)) delete process.env[name]
      Object.assign(process.env, before)
    }
    await pidOf(lab)
    const given = JSON.parse(logOf(lab).split('\n')[0] ?? '')
    await processServices(lab).stop(name)
    const known = ['PATH', 'HOME', 'USER', 'TMPDIR', 'LANG', 'LC_ALL', 'LC_CTYPE', 'GREETING', ...expected]
    assert.deepEqual(
      Object.keys(given).filter(variable => !known.includes(variable) && !isOfMacOs(variable)),
      [],
    )
    assert.deepEqual(
      [given.PATH, given.HOME, given.LC_ALL, given.TMPDIR, given.GREETING],
      [process.env['PATH'], process.env['HOME'], ofEverybody.LC_ALL, ofEverybody.TMPDIR, 'hello'],
    )
    for (const variable of expected) assert.equal(given[variable], ofTools[variable as keyof typeof ofTools])
  })
}

ensures('does not restart a service that runs with the same spec', async () => {
  const lab = tempLab()
  assert.equal(await processServices(lab).ensure(spec(lab, getsReady)), true)
  const pid = await pidOf(lab)
  assert.equal(await processServices(lab).ensure(spec(lab, getsReady)), false)
  assert.equal(await pidOf(lab), pid)
  await processServices(lab).stop(name)
})

for (const [what, change] of [
  ['arguments', { args: ['-e', `${getsReady}; setInterval(() => {}, 999)`] }],
  ['environment', { env: { GREETING: 'hello' } }],
  ['contents of what it reads', { contents: 'hello' }],
] as const) {
  ensures(`stops one that was started with other ${what}, and starts it again`, async () => {
    const lab = tempLab()
    const services = processServices(lab)
    await services.ensure(spec(lab, getsReady))
    const pid = (await pidOf(lab)) ?? 0
    assert.equal(await services.ensure(spec(lab, getsReady, change)), true)
    assert.notEqual(await pidOf(lab), pid)
    assert.equal((await processInfos([pid])).size, 0)
    await services.stop(name)
  })
}

ensures('starts a killed service again', async () => {
  const lab = tempLab()
  const services = processServices(lab)
  await services.ensure(spec(lab, getsReady))
  const pid = (await pidOf(lab)) ?? 0
  process.kill(pid, 'SIGKILL')
  await until('it is gone', async () => (await services.state(name)).process === undefined)
  assert.equal(await services.ensure(spec(lab, getsReady)), true)
  assert.notEqual(await pidOf(lab), pid)
  await services.stop(name)
})

ensures('a supervised service is started again when killed, until it is stopped', async () => {
  const lab = tempLab()
  const services = processServices(lab)
  const supervised = spec(lab, getsReady, { isSupervised: true })
  await services.ensure(supervised)
  const pid = async () => (await services.state(name)).process?.pid
  const first = await pid()
  assert(first !== undefined)
  process.kill(first, 'SIGKILL')
  await until('another runs', async () => ![undefined, first].includes(await pid()))
  assert.equal(await services.ensure(supervised), false)
  const second = (await pid()) ?? 0
  assert.equal(await services.stop(name), true)
  assert.equal((await processInfos([second])).size, 0, 'the program still runs')
  assert.equal((await services.state(name)).isWanted, false)
})

ensures('a supervised service of a deleted lab is not started again', async () => {
  const lab = tempLab()
  const services = processServices(lab)
  await services.ensure(spec(lab, getsReady, { isSupervised: true }))
  const { pid = 0 } = (await services.state(name)).process ?? {}
  const [parent] = (await run('ps', ['-o', 'ppid=', '-p', String(pid)])).stdout.match(/\d+/) ?? []
  assert(parent !== undefined)
  rmSync(lab.pidsDir, { recursive: true })
  process.kill(pid, 'SIGKILL')
  await until('the shell ends', async () => (await processInfos([Number(parent)])).size === 0)
})

ensures('fails with the end of its log when it ends early', async () => {
  const lab = tempLab()
  const dies = 'for (let i = 0; i < 20; i++) console.error("line " + i); setTimeout(() => process.exit(3), 100)'
  await assert.rejects(processServices(lab).ensure(spec(lab, dies)), {
    name: 'LabError',
    message: /^stats-proxy ended right after its start: its log ends with\n {4}line 12\n[\s\S]* {4}line 19$/,
    next: `read ${join(lab.logsDir, `${name}.log`)}`,
  })
})

ensures('times out when it does not answer, and stop() ends it', async () => {
  const lab = tempLab()
  const services = processServices(lab)
  // A shell writes at once, also on a busy machine.
  const command = wrapper('echo still reading', 'exec sleep 60')
  const silent = spec(lab, '', { command, args: [], readyTimeoutMs: 1000 })
  await assert.rejects(services.ensure(silent), {
    name: 'LabError',
    message: /^Timed out after \d s waiting for stats-proxy to answer: its log ends with\n {4}still reading$/,
    next: `read ${join(lab.logsDir, `${name}.log`)}`,
  })
  assert(await pidOf(lab))
  assert.equal(await services.stop(name), true)
})

ensures('does not advise to read an empty log', async () => {
  const lab = tempLab()
  const services = processServices(lab)
  await assert.rejects(services.ensure(spec(lab, '', { readyTimeoutMs: 300 })), {
    name: 'LabError',
    message:
      /^Timed out after \d s waiting for stats-proxy to answer: it has written nothing to its log yet; the machine may be busy$/,
    next: 'run this again',
  })
  assert(await pidOf(lab))
  assert.equal(await services.stop(name), true)
  await assert.rejects(services.ensure(spec(lab, 'setTimeout(() => process.exit(3), 100)')), {
    name: 'LabError',
    message: 'stats-proxy ended right after its start: it wrote nothing to its log',
    next: 'run this again',
  })
})

ensures('fails with the error of the readiness check, and stop() ends it', async () => {
  const lab = tempLab()
  const services = processServices(lab)
  const ready = async () => {
    throw new TypeError('a bug')
  }
  await assert.rejects(services.ensure(spec(lab, '', { ready })), new TypeError('a bug'))
  assert(await pidOf(lab))
  assert.equal(await services.stop(name), true)
})

ensures('names the service that could not be started', async () => {
  const lab = tempLab()
  await assert.rejects(processServices(lab).ensure(spec(lab, '', { command: '/nowhere/program' })), {
    name: 'LabError',
    message: /^Cannot start stats-proxy: spawn \/nowhere\/program ENOENT/,
  })
  assert.deepEqual(readdirSync(lab.pidsDir), [])
})

/** A script of the user's in the place of a program. */
function wrapper(...lines: string[]): string {
  const script = join(tempDir(), 'wrapper')
  writeFileSync(script, `#!/bin/sh\n${lines.join('\n')}\n`)
  chmodSync(script, 0o755)
  return script
}

ensures('recognises a service after the user’s script has replaced itself with it', async () => {
  const lab = tempLab()
  const command = wrapper('sleep 0.3', 'touch ready', 'exec sleep 60')
  const services = processServices(lab)
  const started = services.ensure(spec(lab, '', { command, args: [] }))
  await untilFile(join(lab.pidsDir, `${name}.json`))
  const { pid } = JSON.parse(readFileSync(join(lab.pidsDir, `${name}.json`), 'utf8'))
  pids.add(pid)
  assert.equal(await started, true)
  await until('the script has become sleep', async () => (await processInfos([pid])).get(pid)?.command === 'sleep 60')
  assert.equal((await services.state(name)).process?.pid, pid)
  assert.equal(await services.stop(name), true)
})

ensures('recognises it after a time-out too', async () => {
  const lab = tempLab()
  const services = processServices(lab)
  const command = wrapper('sleep 0.2', 'exec sleep 61')
  const started = spec(lab, '', { command, args: [], readyTimeoutMs: 600 })
  await assert.rejects(services.ensure(started), /^LabError: Timed out/)
  const pid = (await pidOf(lab)) ?? 0
  await until('the script has become sleep', async () => (await processInfos([pid])).get(pid)?.command === 'sleep 61')
  assert.equal(await services.stop(name), true)
  assert.equal((await processInfos([pid])).size, 0)
})

const starter = await bundledScript(join(import.meta.dirname, 'service-starter.ts'))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
  ensures(`after ${signal} while it waits knows one that a script has become`, async () => {
    const lab = tempLab()
    const command = wrapper('sleep 0.2', 'exec sleep 62')
    const task = spawn(process.execPath, [starter, JSON.stringify(lab), command], { stdio: 'ignore' })
    const ended = once(task, 'exit')
    await until('the script has become sleep', async () => {
      const pid = await pidOf(lab)
      return pid !== undefined && (await processInfos([pid])).get(pid)?.command === 'sleep 62'
    })
    task.kill(signal)
    assert.deepEqual(await ended, [null, signal])
    const pid = (await pidOf(lab)) ?? 0
    assert.equal(await processServices(lab).stop(name), true)
    assert.equal((await processInfos([pid])).size, 0)
  })
}
ensures.run()

const stops = suite('processServices().stop()')

stops('ends the service within seconds, returns true, and removes the pid file', async () => {
  const lab = tempLab()
  const services = processServices(lab)
  await services.ensure(spec(lab, getsReady))
  const pid = (await pidOf(lab)) ?? 0
  const startedMs = Date.now()
  assert.equal(await services.stop(name), true)
  // Before the eight seconds after which it would be killed.
  assert(Date.now() - startedMs < 7_000)
  assert.equal((await processInfos([pid])).size, 0)
  assert.deepEqual(readdirSync(lab.pidsDir), [])
  assert.equal(await services.stop(name), false)
})

stops('ends a script together with its child process', async () => {
  const lab = tempLab()
  const services = processServices(lab)
  const command = wrapper('sleep 63 &', 'echo $! > child', 'touch ready', 'wait')
  await services.ensure(spec(lab, '', { command, args: [] }))
  const child = Number(readFileSync(join(lab.dir, 'child'), 'utf8'))
  await until('the child is sleep', async () => (await processInfos([child])).get(child)?.command === 'sleep 63')
  assert.equal(await services.stop(name), true)
  assert.equal((await processInfos([child])).size, 0)
})

stops('does not signal another process with the recorded pid', async () => {
  const lab = tempLab()
  const services = processServices(lab)
  await services.ensure(spec(lab, getsReady))
  const file = join(lab.pidsDir, `${name}.json`)
  const recorded = JSON.parse(readFileSync(file, 'utf8'))
  await services.stop(name)
  const theirs = spawn('sleep', ['60'], { stdio: 'ignore', detached: true })
  await once(theirs, 'spawn')
  const theirPid = theirs.pid ?? 0
  const info = (await processInfos([theirPid])).get(theirPid)
  assert(info)
  writeFileSync(file, JSON.stringify({ ...recorded, pid: theirPid }))
  assert.equal((await services.state(name)).process, undefined)
  assert.equal(await services.signal(name, 'SIGKILL'), false)
  assert.equal(await services.stop(name), false)
  assert.equal((await processInfos([theirPid])).size, 1)
  assert(!existsSync(file))
  // So that this test can fail: with its own start it would be signalled.
  writeFileSync(file, JSON.stringify({ ...recorded, ...info }))
  assert.equal(await services.stop(name), true)
  assert.equal((await processInfos([theirPid])).size, 0)
})

stops('ignores an invalid pid file', async () => {
  const lab = tempLab()
  writeFileSync(join(lab.pidsDir, `${name}.json`), '{"pid": 1')
  assert.equal(await processServices(lab).stop(name), false)
  assert.deepEqual(readdirSync(lab.pidsDir), [])
})
stops.run()

const signals = suite('processServices().signal()')
signals('reaches a running service, and returns false without one', async () => {
  const lab = tempLab()
  const services = processServices(lab)
  assert.equal(await services.signal(name, 'SIGHUP'), false)
  await services.ensure(spec(lab, `process.on("SIGHUP", () => console.log("told")); ${getsReady}`))
  await pidOf(lab)
  assert.equal(await services.signal(name, 'SIGHUP'), true)
  await until('it is told', () => logOf(lab).includes('told'))
  await services.stop(name)
})
signals.run()

const states = suite('processServices().state()')
states('names the log of a service that never ran', async () => {
  const lab = tempLab()
  for (const { name: each } of services) {
    const logFile = join(lab.logsDir, `${each}.log`)
    assert.deepEqual(await processServices(lab).state(each), {
      name: each,
      process: undefined,
      isWanted: false,
      logFile,
    })
  }
})
states.run()

const logs = suite('lastLogLines()')
logs('gives the last lines, indented and truncated, or reports an empty log', () => {
  const file = join(tempDir(), 'log')
  assert.equal(lastLogLines(file), '    (the log is empty)')
  writeFileSync(file, '\n')
  assert.equal(lastLogLines(file), '    (the log is empty)')
  writeFileSync(file, `a\nb\n${'c'.repeat(500)}\n`)
  assert.equal(lastLogLines(file, 2), `    b\n    ${'c'.repeat(400)}`)
})
logs.run()
