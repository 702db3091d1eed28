/**
 * Writes the dashboards to dashboards/out/json and the rules to dashboards/out/rules, and removes every other file there. The files are the
 * same for every lab. A running Prometheus of the lab reloads its rules. Needs no cluster. With --out, another folder also gets provisioning
 * files for a Grafana of yours, and your own dashboards.
 *
 *   tsx tasks/dashboards.ts
 *   tsx tasks/dashboards.ts --dashboards-dir ~/my-dashboards --out /tmp/generated
 */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join, normalize, relative, resolve } from 'node:path'
import { inputsHash, MANIFEST, manifestText, unchangedFiles } from '../dashboards/manifest.ts'
import { LabError } from '../lib/cli/errors.ts'
import { provisionedDashboards } from '../lib/grafana/dashboard-files.ts'
import { generatedDir } from '../lib/grafana/generated-files.ts'
import { requireSources } from '../lib/kube/source-files.ts'
import { type Lab, projectDir } from '../lib/lab/lab.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import { writeFileAtOnce, writeGenerated } from '../lib/lab/write-generated.ts'
import { jaegerUrl } from '../lib/services/jaeger.ts'
import { prometheus, prometheusUrl } from '../lib/services/prometheus.ts'
import { labServices } from '../lib/services/service.ts'
import { takeLock } from '../lib/system/lock.ts'

const about = 'Writes the dashboards and the rules.'
const options = { out: "write to this folder instead of dashboards/out, with Grafana's provisioning files" }
/** The list of the copies that the last run has written into a folder of the user's. */
const COPIES = 'own/.kube-otel-lab'

await runTask({ about, settings: ['dashboardsDir'], options }, async ({ lab, options: given }) => {
  const out = given['out']?.at(-1)
  const dir = resolve(out ?? generatedDir)
  const { paths, changed } = out === undefined ? await ensureGenerated() : await writeAll(lab, dir)
  // Also when nothing changed: an earlier run may have ended after it wrote the files and before the signal. LGTM's Prometheus needs none.
  if (out === undefined && (await labServices(lab).signal(prometheus, 'SIGHUP'))) say('Prometheus reloads its rules')
  const count = (folder: string) => paths.filter(path => path.startsWith(`${folder}/`)).length
  const provisioned = count('provisioning') === 0 ? '' : `, ${count('provisioning')} of provisioning`
  const shown = dir.startsWith(process.cwd()) ? relative(process.cwd(), dir) : dir
  print(`${count('json')} dashboards, ${count('rules')} files of rules${provisioned} in ${shown}; ${changed} changed`)
})

interface Written {
  paths: string[]
  changed: number
}

/** Writes changed files. Without changes of the inputs it does not load Grafana's SDK, which takes most of the time. */
async function ensureGenerated(): Promise<Written> {
  const inputs = inputsHash()
  const made = unchangedFiles(generatedDir, inputs)
  if (made !== undefined) return { paths: made, changed: 0 }
  const { generatedFiles } = await import('../dashboards/output.ts')
  const files = generatedFiles()
  const release = await takeLock({
    // The name of a cluster has no underscore, so that no lab's lock has this name.
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
    release()
  }
}

/** Writes all files to a folder of the user's. Removes only copies of an earlier run whose dashboards are gone. */
async function writeAll(lab: Lab, dir: string): Promise<Written> {
  const own = requireSources(lab.settings, 'dashboardsDir')
  const { generatedFiles, provisioningFiles } = await import('../dashboards/output.ts')
  const { folder, texts, notes } = provisionedDashboards(own)
  for (const note of notes) say(note)
  const copied = folder === undefined ? [...texts].map(([path, text]) => [`own/${path}`, text] as const) : []
  const targets = {
    prometheusUrl: prometheusUrl(lab),
    jaegerUrl: jaegerUrl(lab),
    intervalMs: lab.settings.collectionInterval,
    jsonDir: join(dir, 'json'),
    ownDir: copied.length > 0 ? join(dir, 'own') : folder,
  }
  const files = new Map([...generatedFiles(), ...provisioningFiles(targets), ...copied])
  const list = join(dir, COPIES)
  const stale = existsSync(list)
    ? readFileSync(list, 'utf8')
        .split('\n')
        .filter(
          path =>
            normalize(path) === path && path.startsWith('own/') && !files.has(path) && existsSync(join(dir, path)),
        )
    : []
  const changed = writeGenerated(dir, files, { removeOthers: false })
  for (const path of stale) rmSync(join(dir, path))
  if (copied.length > 0) writeFileAtOnce(list, copied.map(([path]) => `${path}\n`).join(''))
  else rmSync(list, { force: true })
  return { paths: [...files.keys()], changed: changed + stale.length }
}
