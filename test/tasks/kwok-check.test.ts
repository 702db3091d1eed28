import assert from 'node:assert/strict'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { suite } from 'uvu'
import { projectDir } from '../../lib/lab/lab.ts'
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

/** A docker command whose engine answers after some seconds. */
const engine = `#!/bin/sh
[ "$1" = version ] && { sleep 2.5; exit 0; }
[ "$1" = container ] && { echo "Error: No such container" >&2; exit 1; }
exit 0
`

const check = suite('tasks/kwok-check with RUNTIME=auto')
check.after(() => rmSync(labDir, { recursive: true, force: true }))

check('waits for a slow engine, reports it, and creates nothing', () => {
  writeFileSync(join(bin, 'docker'), engine, { mode: 0o755 })
  const { status, stderr } = runTask('kwok-check', [], env)
  assert.equal(stderr, 'Waiting for the Docker engine, which has not answered in 2 s (RUNTIME=binary needs none)\n')
  assert.equal(status, 0)
  assert.equal(existsSync(labDir), false)
})

check('leaves nothing for kwok-down', async () => {
  const { status, stdout } = await importTask('kwok-down.ts', [], { env })
  assert.equal(status, 0)
  assert.match(stdout, new RegExp(`^There is no lab "${clusterName}"`))
})

check('creates nothing when it refuses', async () => {
  const { status } = await importTask('kwok-check.ts', ['--pod-count', '500000'], { env })
  assert.equal(status, 2)
  assert.equal(existsSync(labDir), false)
})
check.run()
