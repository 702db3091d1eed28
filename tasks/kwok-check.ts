/**
 * Checks that `make kwok` can go through, and changes nothing: settings, ports, templates, room for the pods, kubeconfig,
 * disk, and that no other hand made a cluster of that name. `make kwok` runs it first.
 *
 *   tsx tasks/kwok-check.ts
 *   tsx tasks/kwok-check.ts --node-count 100 --pod-count 2000
 */
import { kwokWarnings } from '../lib/kwokctl.ts'
import { requireLabPossible } from '../lib/preflight.ts'
import { settingNames } from '../lib/settings.ts'
import { runTask, say } from '../lib/task.ts'

const about = 'Checks that make kwok can go through; changes nothing.'

await runTask({ about, settings: settingNames }, async ({ lab }) => {
  for (const warning of kwokWarnings(lab, process.env)) say(warning)
  await requireLabPossible(lab)
})
