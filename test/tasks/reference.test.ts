import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { runTask } from '../support/task.ts'

const task = suite('tasks/reference.ts')

task('finds the committed pages of docs/reference current', () => {
  const { status, stdout, stderr } = runTask('reference', ['--check'], process.env)
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' })
})
task.run()
