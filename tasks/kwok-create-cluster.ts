/**
 * Creates the KWOK cluster: etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok-controller run, and the
 * API answers. A cluster that is there is left as it is; one that was stopped, by a reboot or otherwise, is started.
 *
 *   tsx tasks/kwok-create-cluster.ts
 *   tsx tasks/kwok-create-cluster.ts --cluster-name small --prometheus-port 9190
 */
import {
  componentProcesses,
  components,
  createCluster,
  deleteCluster,
  isClusterMade,
  startCluster,
} from '../lib/kwokctl.ts'
import { type Lab, readRecord, writeRecord } from '../lib/lab.ts'
import { requireLabPossible } from '../lib/preflight.ts'
import { fixedSettingNames, settingText } from '../lib/settings.ts'
import { print, runTask, say } from '../lib/task.ts'

const about = 'Creates the KWOK cluster, or starts the one that is there, and waits until its API answers.'

await runTask({ about, settings: fixedSettingNames }, async ({ lab }) => {
  await requireLabPossible(lab)
  const name = lab.settings.clusterName
  if (readRecord(lab.dir) !== undefined && isClusterMade(lab)) {
    const running = await componentProcesses(lab)
    const down = components.filter(component => !running.has(component))
    if (down.length > 0) {
      say(`Starting ${down.join(', ')} of KWOK cluster "${name}"`)
      await startCluster(lab)
    }
  } else {
    say(`Creating KWOK cluster "${name}"`)
    // What an interrupted run has left is no cluster yet.
    await deleteCluster(lab)
    record(lab)
    await createCluster(lab)
  }
  print(`KWOK cluster "${name}" runs, context ${lab.context}`)
})

/** Before the cluster, so that `kwok-down` knows of one that was never finished. */
function record(lab: Lab): void {
  const settings = Object.fromEntries(fixedSettingNames.map(name => [name, settingText(name, lab.settings)]))
  const { clusterName } = lab.settings
  writeRecord(lab, { clusterName, settings, kwokWorkdir: lab.kwokWorkdir })
}
