/**
 * Checks the preconditions of `make kwok`: settings, ports, templates, capacity for the pods, kubeconfig, disk space, and that no cluster of
 * that name exists which the lab did not create. Creates nothing. The first step of `make kwok`.
 *
 *   tsx tasks/kwok-check.ts
 *   tsx tasks/kwok-check.ts --node-count 100 --pod-count 2000
 */

import { settingNames } from '../lib/cli/settings.ts'
import { kwokWarnings } from '../lib/kwok/kwok-cluster.ts'
import { requireLabPossible } from '../lib/kwok/preflight.ts'
import { runTask, say } from '../lib/lab/task.ts'

const about = 'Checks the preconditions of make kwok, and creates nothing.'

await runTask({ about, settings: settingNames, changesLab: true }, async ({ lab }) => {
  for (const warning of kwokWarnings(lab, process.env)) say(warning)
  await requireLabPossible(lab)
})
