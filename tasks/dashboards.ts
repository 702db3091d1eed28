/**
 * Writes what Grafana and Prometheus read: dashboards/out/json, dashboards/out/rules and dashboards/out/provisioning, and
 * nothing else is there. A Prometheus of the lab that runs has read the rules anew. Needs no cluster.
 *
 *   tsx tasks/dashboards.ts
 *   tsx tasks/dashboards.ts --dashboards-dir ~/my-dashboards --out /tmp/generated
 */
import { existsSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { generatedFiles, outDir, writeGenerated } from '../dashboards/output.ts'
import { UsageError } from '../lib/errors.ts'
import { jaegerUrl } from '../lib/jaeger.ts'
import { prometheusUrl } from '../lib/prometheus.ts'
import { labServices } from '../lib/runtime.ts'
import { print, runTask, say } from '../lib/task.ts'

const about = "Writes the dashboards, the rules, and Grafana's provisioning files."
const texts = { out: 'write to this folder instead of dashboards/out' }

await runTask({ about, settings: ['dashboardsDir'], texts }, async ({ lab, texts: given }) => {
  const dir = resolve(given['out']?.at(-1) ?? outDir)
  const { collectionInterval, dashboardsDir } = lab.settings
  const ownDir = dashboardsDir === 'none' ? undefined : resolve(dashboardsDir)
  if (ownDir !== undefined && !existsSync(ownDir)) {
    throw new UsageError(`Cannot add the dashboards of ${dashboardsDir}`, {
      why: 'there is no such folder',
      next: 'set DASHBOARDS_DIR to a folder of dashboards, or to none',
    })
  }
  const files = generatedFiles({
    prometheusUrl: prometheusUrl(lab),
    jaegerUrl: jaegerUrl(lab),
    intervalMs: collectionInterval,
    jsonDir: join(dir, 'json'),
    ownDir,
  })
  // In a folder of the user's own nothing is removed.
  const changed = writeGenerated(dir, files, { removeOthers: dir === outDir })
  const shown = dir.startsWith(process.cwd()) ? relative(process.cwd(), dir) : dir
  // Also when nothing changed: an earlier run may have ended between writing and telling.
  if (dir === outDir && (await labServices(lab).signal('prometheus', 'SIGHUP')))
    say('Told Prometheus to read its rules anew')
  const count = (folder: string) => [...files.keys()].filter(path => path.startsWith(`${folder}/`)).length
  print(
    `${count('json')} dashboards, ${count('rules')} files of rules and ${count('provisioning')} of provisioning in ${shown}; ${changed} changed`,
  )
})
