/**
 * Checks that `make kwok` can go through: settings, ports, templates, room for the pods, kubeconfig, disk, and that no other hand
 * made a cluster of that name. Creates nothing; records which runtime RUNTIME=auto selects, for the steps that follow. `make kwok` runs it first.
 *
 *   tsx tasks/kwok-check.ts
 *   tsx tasks/kwok-check.ts --node-count 100 --pod-count 2000
 */
import { kwokWarnings } from '../lib/kwokctl.ts'
import { requireLabPossible } from '../lib/preflight.ts'
import { decideRuntime, recordRuntime } from '../lib/runtime.ts'
import { settingNames } from '../lib/settings.ts'
import { runTask, say } from '../lib/task.ts'

const about = 'Checks that make kwok can go through; creates nothing, and records which runtime RUNTIME=auto selects.'

await runTask({ about, settings: settingNames, changesLab: true }, async ({ lab: opened }) => {
  for (const warning of kwokWarnings(opened, process.env)) say(warning)
  const lab = decideRuntime(opened)
  await requireLabPossible(lab)
  recordRuntime(lab)
})
