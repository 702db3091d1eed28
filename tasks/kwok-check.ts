/**
 * Checks the preconditions of `make kwok`: settings, ports, templates, capacity for the pods, kubeconfig, disk space, and that no cluster of
 * that name exists which the lab did not create. Creates nothing; records which runtime RUNTIME=auto selects, for the steps that follow. The
 * first step of `make kwok`.
 *
 *   tsx tasks/kwok-check.ts
 *   tsx tasks/kwok-check.ts --node-count 100 --pod-count 2000
 */

import { settingNames } from '../lib/cli/settings.ts'
import { kwokWarnings } from '../lib/kwok/kwok-cluster.ts'
import { requireLabPossible } from '../lib/kwok/preflight.ts'
import { decideRuntime, recordRuntime } from '../lib/lab/runtime.ts'
import { runTask, say } from '../lib/lab/task.ts'

const about = 'Checks the preconditions of make kwok; creates nothing, and records which runtime RUNTIME=auto selects.'

await runTask({ about, settings: settingNames, changesLab: true }, async ({ lab: opened }) => {
  for (const warning of kwokWarnings(opened, process.env)) say(warning)
  const lab = decideRuntime(opened)
  await requireLabPossible(lab)
  recordRuntime(lab)
})
