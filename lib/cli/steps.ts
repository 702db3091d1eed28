/**
 * Runs tasks one after another in one process, and stops at the first that fails, with its exit code. Each reads the same
 * environment, and acts and prints as it does alone. Starting a process for each takes longer than most of them do.
 *
 *   tsx lib/cli/steps.ts tasks/kwok-check.ts tasks/programs.ts
 */
import { basename, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const [node = '', , ...files] = process.argv
for (const file of files) {
  // What a task finds when it is started alone: no flags, and its own name, which the lab's lock shows as its holder.
  process.argv = [node, resolve(file)]
  await import(pathToFileURL(resolve(file)).href)
  if (process.exitCode) {
    process.stderr.write(`Step ${basename(file, '.ts')} failed\n`)
    break
  }
}
// Open handles, such as a connection after a failure, must not delay the exit.
process.exit()
