/**
 * Writes what Grafana and Prometheus read: dashboards/out/json, dashboards/out/rules and dashboards/out/provisioning, and
 * nothing else is there. A Prometheus of the lab that runs has read the rules anew. Needs no cluster.
 *
 *   tsx tasks/dashboards.ts
 *   tsx tasks/dashboards.ts --dashboards-dir ~/my-dashboards --out /tmp/generated
 */
import { join, relative, resolve } from 'node:path'
import { inputsHash, MADE, madeFiles, madeText, outDir } from '../dashboards/made.ts'
import type { ProvisioningTargets } from '../dashboards/provisioning.ts'
import { ownDashboardsDir } from '../lib/grafana/files.ts'
import { jaegerUrl } from '../lib/jaeger.ts'
import { prometheusUrl } from '../lib/prometheus.ts'
import { labServices, runtimeOf } from '../lib/runtime.ts'
import { print, runTask, say } from '../lib/task.ts'

const about = "Writes the dashboards, the rules, and Grafana's provisioning files."
const texts = { out: 'write to this folder instead of dashboards/out' }

await runTask({ about, settings: ['dashboardsDir'], texts }, async ({ lab, texts: given }) => {
  const dir = resolve(given['out']?.at(-1) ?? outDir)
  const ownDir = ownDashboardsDir(lab.settings)
  const targets = {
    prometheusUrl: prometheusUrl(lab),
    jaegerUrl: jaegerUrl(lab),
    intervalMs: lab.settings.collectionInterval,
    jsonDir: join(dir, 'json'),
    ownDir,
  }
  const { paths, changed } = await ensureGenerated(dir, targets)
  const shown = dir.startsWith(process.cwd()) ? relative(process.cwd(), dir) : dir
  // Also when nothing changed: an earlier run may have ended between writing and telling.
  // LGTM's sees it by itself.
  const isAsked = dir === outDir && runtimeOf(lab) === 'binary'
  if (isAsked && (await labServices(lab).signal('prometheus', 'SIGHUP'))) say('Told Prometheus to read its rules anew')
  const count = (folder: string) => paths.filter(path => path.startsWith(`${folder}/`)).length
  print(
    `${count('json')} dashboards, ${count('rules')} files of rules and ${count('provisioning')} of provisioning in ${shown}; ${changed} changed`,
  )
})

/** Writes what has changed. Where nothing can have, Grafana's SDK isn't even loaded, which takes most of the time. */
async function ensureGenerated(
  dir: string,
  targets: ProvisioningTargets,
): Promise<{ paths: string[]; changed: number }> {
  const isOwn = dir === outDir
  const inputs = isOwn ? inputsHash(targets) : ''
  const made = isOwn ? madeFiles(dir, inputs) : undefined
  if (made !== undefined) return { paths: made, changed: 0 }
  const { generatedFiles, writeGenerated, writeWhole } = await import('../dashboards/output.ts')
  const files = generatedFiles(targets)
  // In a folder of the user's own nothing is removed.
  const changed = writeGenerated(dir, files, { removeOthers: isOwn, keep: MADE })
  if (isOwn) writeWhole(join(dir, MADE), madeText(inputs, files))
  return { paths: [...files.keys()], changed }
}
