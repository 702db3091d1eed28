import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { daemonCommand } from '../../../lib/services/daemon-bundle.ts'
import { serviceEnvironment } from '../../../lib/system/environment.ts'
import { run } from '../../../lib/system/run.ts'
import { tempDir } from '../../support/temp-lab.ts'

const MAIN = join('lib', 'traces', 'trace-simulator-process.ts')
const env = serviceEnvironment(process.env)

const commands = suite('daemonCommand()')

commands('runs a daemon by Node.js alone', async () => {
  const { command, args } = await daemonCommand('traces', MAIN, { nodeFlags: ['--no-warnings'], args: ['--help'] })
  assert.equal(args[0], '--no-warnings')
  const { stdout } = await run(command, args, { env, timeoutMs: 60_000 })
  assert.match(stdout, /^The trace simulator:/)
})

commands('reads a kubeconfig by the client library of node_modules', async () => {
  const kubeconfig = join(tempDir(), 'kubeconfig.yaml')
  writeFileSync(kubeconfig, 'contexts: [{ name: a, context: { cluster: a, user: a } }]')
  const flags = ['--otlp-url', 'http://127.0.0.1:1', '--kubeconfig', kubeconfig, '--context', 'b']
  const { command, args } = await daemonCommand('traces', MAIN, { args: flags })
  const { stderr, exitCode } = await run(command, args, { env, nothrow: true, timeoutMs: 60_000 })
  assert.match(stderr, /there is no context "b" \(there is: a\)/)
  assert.equal(exitCode, 1)
})

commands('bundles again when a source has changed, and only then', async () => {
  const cacheDir = tempDir()
  const make = async () => await daemonCommand('traces', MAIN, { args: [], cacheDir })
  const first = await make()
  const path = first.args[0] ?? ''
  const bundle = readFileSync(path, 'utf8')
  writeFileSync(path, `${bundle}// kept`)
  assert.deepEqual(await make(), first)
  assert.equal(readFileSync(path, 'utf8'), `${bundle}// kept`)
  writeFileSync(path, bundle.replace(/^\/\/ \w+ /, '// 0123 '))
  assert.deepEqual(await make(), first)
  assert.equal(readFileSync(path, 'utf8'), bundle)
})

commands.run()
