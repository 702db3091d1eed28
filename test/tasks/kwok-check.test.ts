/** Which runtime RUNTIME=auto is, from the first step to the one that makes the cluster. */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { suite } from 'uvu'
import { openLab, projectDir, readRecord } from '../../lib/lab/lab.ts'
import { runtimeOf } from '../../lib/lab/runtime.ts'
import { freePorts, portVariables } from '../support/free-ports.ts'
import { importTask, runTask } from '../support/task.ts'
import { tempDir } from '../support/temp-lab.ts'

const clusterName = `auto-runtime-${process.pid}`
const labDir = join(projectDir, '.lab', clusterName)
const bin = tempDir()
const ports = portVariables(await freePorts())
const { RUNTIME: _, ...inherited } = process.env
const env: NodeJS.ProcessEnv = {
  ...inherited,
  ...ports,
  CLUSTER_NAME: clusterName,
  KWOK_WORKDIR: join(tempDir(), 'kwok'),
  KUBECONFIG: join(tempDir(), 'kubeconfig'),
  PATH: `${bin}${delimiter}${process.env['PATH']}`,
}

/** A docker command whose engine answers after some seconds, or not at all. */
function setEngine(version: string): void {
  const others = '[ "$1" = container ] && { echo "Error: No such container" >&2; exit 1; }\nexit 0'
  writeFileSync(join(bin, 'docker'), `#!/bin/sh\n[ "$1" = version ] && { ${version}; }\n${others}\n`)
  chmodSync(join(bin, 'docker'), 0o755)
}

const check = suite('tasks/kwok-check with RUNTIME=auto')
check.after(() => rmSync(labDir, { recursive: true, force: true }))

check('waits for a slow engine, reports it, and records the runtime for the next steps', () => {
  setEngine('sleep 2.5; exit 0')
  const { status, stderr } = runTask('kwok-check', [], env)
  assert.equal(stderr, 'Waiting for the Docker engine, which has not answered in 2 s (RUNTIME=binary needs none)\n')
  assert.equal(status, 0)
  // The next step does not ask the engine again.
  const asked = join(bin, 'asked')
  setEngine(`touch ${asked}; exit 1`)
  assert.equal(runtimeOf(openLab({ flags: {}, env })), 'docker')
  assert.equal(existsSync(asked), false, 'the engine was asked again')
})

check('lets the user choose another runtime and another work folder', () => {
  const { settings, kwokWorkdir } = openLab({ flags: {}, env: { ...env, RUNTIME: 'binary', KWOK_WORKDIR: '/other' } })
  assert.deepEqual([settings.runtime, kwokWorkdir], ['binary', '/other'])
})

check('chooses the runtime again in the next run', () => {
  setEngine('exit 1')
  const { status, stderr } = runTask('kwok-check', [], env)
  assert.deepEqual([status, stderr], [0, ''])
  assert.equal(readRecord(labDir)?.autoRuntime, 'binary')
})

check('leaves only the record, which kwok-down removes', async () => {
  const { status, stdout } = await importTask('kwok-down.ts', [], { env })
  assert.deepEqual([status, stdout], [0, `There is no lab "${clusterName}"\n`])
  assert.equal(existsSync(labDir), false)
})

check('records nothing when it refuses', async () => {
  const { status } = await importTask('kwok-check.ts', ['--pod-count', '500000'], { env })
  assert.equal(status, 2)
  assert.equal(existsSync(labDir), false)
})
check.run()
