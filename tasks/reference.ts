/**
 * Writes docs/reference/settings.md and docs/reference/steps.md from the declarations of settings and tasks and from the Makefile, and the scrape
 * jobs of the chart kube-otel-lab from kwok-config. With --check, writes nothing; exit code 1 when a file is stale.
 *
 *   tsx tasks/reference.ts
 *   tsx tasks/reference.ts --check
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { LabError } from '../lib/cli/errors.ts'
import { type StepSource, settingsPage, stepsPage } from '../lib/docs/reference-pages.ts'
import { SCRAPE_CONFIGS, scrapeConfigsTemplate } from '../lib/in-cluster/scrape-configs.ts'
import { projectDir } from '../lib/lab/lab.ts'
import { print, runTask } from '../lib/lab/task.ts'

const about = 'Writes the reference pages of docs/reference from the code, and the scrape jobs of the chart.'
const flags = { check: 'write nothing; exit code 1 when a file is stale' }

await runTask({ about, settings: [], flags }, async ({ flags: chosen }) => {
  const makefile = readFileSync(join(projectDir, 'Makefile'), 'utf8')
  const files = {
    'docs/reference/settings.md': settingsPage(),
    'docs/reference/steps.md': stepsPage(makefile, await readSteps()),
    [SCRAPE_CONFIGS]: scrapeConfigsTemplate(),
  }
  for (const [name, text] of Object.entries(files)) {
    const path = join(projectDir, name)
    const isCurrent = existsSync(path) && readFileSync(path, 'utf8') === text
    if (!isCurrent && chosen.has('check')) {
      throw new LabError(`${name} is stale`, { next: 'make reference' })
    }
    if (isCurrent) continue
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    print(`Wrote ${name}`)
  }
})

async function readSteps(): Promise<StepSource[]> {
  const steps: StepSource[] = []
  for (const file of readdirSync(join(projectDir, 'tasks')).sort()) {
    const path = join(projectDir, 'tasks', file)
    steps.push({ name: basename(file, '.ts'), source: readFileSync(path, 'utf8'), help: await helpOf(path) })
  }
  return steps
}

/** What a task prints for `--help`. A process for each of them takes half a minute, so they are imported here. */
async function helpOf(path: string): Promise<string> {
  const { argv } = process
  const { write } = process.stdout
  let text = ''
  process.argv = [process.execPath, path, '--help']
  process.stdout.write = (chunk: string | Uint8Array) => {
    text += chunk.toString()
    return true
  }
  try {
    // The query makes it another module, also of this file, which waits for itself otherwise.
    await import(`${pathToFileURL(path)}?help`)
  } finally {
    process.argv = argv
    process.stdout.write = write
  }
  return text
}
