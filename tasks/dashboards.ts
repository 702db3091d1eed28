/**
 * Writes what Grafana and Prometheus read: dashboards/out/json and dashboards/out/rules, and nothing else is there; they are the same for
 * every lab. A Prometheus of the lab that runs has read the rules anew. Needs no cluster. Another folder also gets
 * what tells a Grafana of yours where this lab is, and your own dashboards: provisioning.
 *
 *   tsx tasks/dashboards.ts
 *   tsx tasks/dashboards.ts --dashboards-dir ~/my-dashboards --out /tmp/generated
 */
import { join, relative, resolve } from 'node:path'
import { inputsHash, MANIFEST, manifestText, unchangedFiles } from '../dashboards/manifest.ts'
import { writeFileAtOnce, writeGenerated } from '../dashboards/write-generated.ts'
import { LabError } from '../lib/cli/errors.ts'
import { provisionedFolder, requireDashboardsDir } from '../lib/grafana/dashboard-files.ts'
import { generatedDir } from '../lib/grafana/generated-files.ts'
import { type Lab, projectDir } from '../lib/lab/lab.ts'
import { labServices, runtimeOf } from '../lib/lab/runtime.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import { jaegerUrl } from '../lib/services/jaeger.ts'
import { prometheusUrl } from '../lib/services/prometheus.ts'
import { takeLock } from '../lib/system/lock.ts'

const about = 'Writes the dashboards and the rules.'
const texts = { out: "write to this folder instead of dashboards/out, with Grafana's provisioning files" }

await runTask({ about, settings: ['dashboardsDir'], texts }, async ({ lab, texts: given }) => {
  const out = given['out']?.at(-1)
  const dir = resolve(out ?? generatedDir)
  const { paths, changed } = out === undefined ? await ensureGenerated() : await writeAll(lab, dir)
  // Also when nothing changed: an earlier run may have ended between writing and telling.
  // LGTM's sees it by itself.
  const isAsked = out === undefined && runtimeOf(lab) === 'binary'
  if (isAsked && (await labServices(lab).signal('prometheus', 'SIGHUP'))) say('Told Prometheus to read its rules anew')
  const count = (folder: string) => paths.filter(path => path.startsWith(`${folder}/`)).length
  const provisioned = count('provisioning') === 0 ? '' : `, ${count('provisioning')} of provisioning`
  const shown = dir.startsWith(process.cwd()) ? relative(process.cwd(), dir) : dir
  print(`${count('json')} dashboards, ${count('rules')} files of rules${provisioned} in ${shown}; ${changed} changed`)
})

interface Written {
  paths: string[]
  changed: number
}

/** Writes what has changed. Where nothing can have, Grafana's SDK isn't even loaded, which takes most of the time. */
async function ensureGenerated(): Promise<Written> {
  const inputs = inputsHash()
  const made = unchangedFiles(generatedDir, inputs)
  if (made !== undefined) return { paths: made, changed: 0 }
  const { generatedFiles } = await import('../dashboards/output.ts')
  const files = generatedFiles()
  const letGo = await takeLock({
    // No lab's own lock is called so, for no cluster is.
    path: join(projectDir, '.lab', 'dashboards_out.lock'),
    waitMs: 60_000,
    refusal: ({ pid, program }) =>
      new LabError(`${generatedDir} is being written by ${program} (pid ${pid})`, {
        why: 'it has not ended in a minute',
        next: 'stop that process if it hangs, then run this again',
      }),
  })
  try {
    const changed = writeGenerated(generatedDir, files, { removeOthers: true, keep: MANIFEST })
    writeFileAtOnce(join(generatedDir, MANIFEST), manifestText(inputs, files))
    return { paths: [...files.keys()], changed }
  } finally {
    letGo()
  }
}

/** Writes everything to a folder of the user's own, in which nothing is removed. */
async function writeAll(lab: Lab, dir: string): Promise<Written> {
  const ownDir = requireDashboardsDir(lab.settings)
  const { generatedFiles, provisioningFiles } = await import('../dashboards/output.ts')
  const folder = ownDir === undefined ? undefined : provisionedFolder(ownDir)
  for (const note of folder?.notes ?? []) say(note)
  const copied = folder?.isConverted ? [...folder.texts].map(([path, text]) => [`own/${path}`, text] as const) : []
  const targets = {
    ...{ prometheusUrl: prometheusUrl(lab), jaegerUrl: jaegerUrl(lab), intervalMs: lab.settings.collectionInterval },
    ...{ jsonDir: join(dir, 'json'), ownDir: copied.length > 0 ? join(dir, 'own') : ownDir },
  }
  const files = new Map([...generatedFiles(), ...provisioningFiles(targets), ...copied])
  return { paths: [...files.keys()], changed: writeGenerated(dir, files, { removeOthers: false }) }
}
