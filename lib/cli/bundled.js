/**
 * Runs a task, or lib/cli/steps.ts with a list of tasks, as `tsx <file> <arguments>` does, but from a bundle of all tasks
 * (lib/services/task-bundle.ts): tsx takes one to three seconds to load the sources. A changed source leads to a new bundle.
 *
 *   node lib/cli/bundled.js tasks/verify.ts --verbose
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const projectDir = resolve(import.meta.dirname, '..', '..')
// Clones can share node_modules.
const clone = createHash('sha256').update(projectDir).digest('hex').slice(0, 12)
const bundlesDir = join(projectDir, 'node_modules', '.cache', 'kube-otel-lab', `tasks-${clone}`)

/** The newest bundle: its folder, and the modification time and size of each source. */
const readNewest = () => JSON.parse(readFileSync(join(bundlesDir, 'newest.json'), 'utf8'))

/** Whether no source and no task was changed, added or deleted since. */
function isFresh() {
  try {
    const { sources } = readNewest()
    const isSame = ([path, stamp]) => {
      const { mtimeMs, size } = statSync(join(projectDir, path))
      return stamp === `${mtimeMs} ${size}`
    }
    const tasks = readdirSync(join(projectDir, 'tasks'))
    return tasks.every(task => sources[`tasks/${task}`] !== undefined) && Object.entries(sources).every(isSame)
  } catch {
    // There is no bundle yet, or a source was deleted.
    return false
  }
}

if (!isFresh()) {
  const words = ['--import', 'tsx', join(projectDir, 'lib', 'services', 'task-bundle.ts'), bundlesDir]
  const { status } = spawnSync(process.execPath, words, { stdio: 'inherit', cwd: projectDir })
  if (status !== 0) process.exit(status ?? 1)
}
const [node, , file, ...words] = process.argv
process.argv = [node, resolve(file), ...words]
await import(pathToFileURL(join(readNewest().dir, `${basename(file, '.ts')}.mjs`)).href)
