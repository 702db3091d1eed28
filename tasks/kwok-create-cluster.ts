/**
 * Creates the KWOK cluster: etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok-controller run, and the API answers. Leaves
 * a running cluster as it is, and starts one that was stopped, for example by a reboot. A component that ends while the others start is
 * started again, at most three times. A cluster that an older version of the lab created is replaced with YES=1 only.
 *
 *   tsx tasks/kwok-create-cluster.ts
 *   tsx tasks/kwok-create-cluster.ts --cluster-name small --prometheus-port 9190
 */

import { fixedSettingNames, makeCommand, settingText } from '../lib/cli/settings.ts'
import { chosenImages } from '../lib/docker/images.ts'
import { reachesKubelets } from '../lib/kwok/kubelet-access.ts'
import {
  controlPlaneOf,
  createCluster,
  deleteCluster,
  startCluster,
  waitUntilServed,
} from '../lib/kwok/kwok-cluster.ts'
import { requireLabPossible } from '../lib/kwok/preflight.ts'
import { dropStaleLeases } from '../lib/kwok/stale-leases.ts'
import { isClusterMade } from '../lib/lab/cluster-owner.ts'
import { components } from '../lib/lab/components.ts'
import { readRecord, writeRecord } from '../lib/lab/lab.ts'
import { print, runTask, say } from '../lib/lab/task.ts'
import { labServices } from '../lib/services/service.ts'
import { neededImages, services } from '../lib/services/service-list.ts'

const about = 'Creates the KWOK cluster, or starts an existing one, and waits until its API answers.'

await runTask({ about, settings: [...fixedSettingNames, 'yes'], changesLab: true }, async ({ lab }) => {
  const name = lab.settings.clusterName
  const record = readRecord(lab.dir)
  const isMade = record?.created === true && isClusterMade(lab)
  const isOld = isMade && !reachesKubelets(lab)
  if (isMade && !(isOld && lab.settings.yes)) {
    if (isOld) {
      say(
        `An older version of the lab created cluster "${name}": its API server reaches no kubelets (kubectl logs, node proxy)`,
      )
      say(
        `  Next: ${makeCommand('kwok', name)} YES=1 deletes the cluster and creates it again; everything else works without`,
      )
    }
    const running = await controlPlaneOf(lab).processes(lab)
    const down = components.filter(component => !running.has(component))
    if (down.length > 0) {
      say(`Starting ${down.join(', ')} of KWOK cluster "${name}"`)
      await startCluster(lab)
    }
  } else {
    await requireLabPossible(lab)
    say(`Creating KWOK cluster "${name}", to be measured every ${settingText('collectionInterval', lab.settings)}`)
    // Removes an incomplete cluster, and services that use the keys of an earlier one.
    await Promise.all(services.map(service => labServices(lab).stop(service)))
    await deleteCluster(lab)
    // Before the cluster, so that `kwok-down` finds an incomplete one.
    const { runtime } = controlPlaneOf(lab)
    const texts = Object.fromEntries(fixedSettingNames.map(fixed => [fixed, settingText(fixed, lab.settings)]))
    const images = neededImages(lab).length === 0 ? {} : { images: chosenImages(process.env) }
    const begun = {
      ...record,
      settings: { ...texts, runtime },
      ...images,
      kwokWorkdir: lab.kwokWorkdir,
      created: false,
    }
    writeRecord(lab, begun)
    await createCluster(lab)
    writeRecord(lab, { ...begun, created: true })
  }
  await waitUntilServed(lab, ended => say(`Starting ${ended.join(', ')} again: ended during the start`))
  if (record?.created === true && (await dropStaleLeases(lab)) > 0) {
    say('Deleted the node leases of an earlier kwok-controller')
  }
  print(`KWOK cluster "${name}" runs, context ${lab.context}`)
})
