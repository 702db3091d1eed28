import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { importTask } from '../support/task.ts'

const task = suite('tasks/reference.ts')

task('finds the committed pages of docs/reference current', async () => {
  const { status, stdout, stderr } = await importTask('reference.ts', ['--check'], { env: process.env })
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' })
})
task.run()
