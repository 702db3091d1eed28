/**
 * Runs tasks in order in one process, and stops at the first failure with its exit code. Each task behaves as it does in a process of its
 * own, but most tasks take less time than the start of a process.
 *
 *   tsx lib/cli/steps.ts tasks/kwok-check.ts tasks/programs.ts
 */
import { basename, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/** In the bundle of all tasks (bundled.js) the tasks lie beside this module. */
const isBundled = import.meta.url.endsWith('.mjs')
const urlOf = (file: string) =>
  isBundled ? new URL(`${basename(file, '.ts')}.mjs`, import.meta.url) : pathToFileURL(resolve(file))

const [node = '', , ...files] = process.argv
for (const file of files) {
  // As in a process of its own: no flags, and the task's name, which the lab's lock shows.
  process.argv = [node, resolve(file)]
  await import(urlOf(file).href)
  if (process.exitCode) {
    process.stderr.write(`Step ${basename(file, '.ts')} failed\n`)
    break
  }
}
// Open handles, such as a connection after a failure, would delay the exit.
process.exit()
