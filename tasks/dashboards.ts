/**
 * Writes what Grafana and Prometheus read: dashboards/out/json, dashboards/out/rules and dashboards/out/provisioning, and
 * nothing else is there. A Prometheus of the lab that runs has read the rules anew. Needs no cluster.
 *
 *   tsx tasks/dashboards.ts
 *   tsx tasks/dashboards.ts --dashboards-dir ~/my-dashboards
 */
import { join, relative, resolve } from 'node:path'
import { generatedFiles, outDir, writeGenerated } from '../dashboards/output.ts'
import { prometheusUrl } from '../lib/prometheus.ts'
import { binaryServices } from '../lib/services.ts'
import { print, runTask, say } from '../lib/task.ts'

const about = "Writes the dashboards, the rules, and Grafana's provisioning files."

await runTask({ about, settings: ['dashboardsDir'] }, async ({ lab }) => {
  const { collectionInterval, dashboardsDir } = lab.settings
  const files = generatedFiles({
    prometheusUrl: prometheusUrl(lab),
    intervalMs: collectionInterval,
    jsonDir: join(outDir, 'json'),
    ownDir: dashboardsDir === 'none' ? undefined : resolve(dashboardsDir),
  })
  const changed = writeGenerated(outDir, files)
  // Also when nothing changed: an earlier run may have ended between writing and telling.
  if (await binaryServices(lab).signal('prometheus', 'SIGHUP')) say('Told Prometheus to read its rules anew')
  const count = (folder: string) => [...files.keys()].filter(path => path.startsWith(`${folder}/`)).length
  print(
    `${count('json')} dashboards, ${count('rules')} files of rules and ${count('provisioning')} of provisioning in ${relative(process.cwd(), outDir)}; ${changed} changed`,
  )
})
