/**
 * Forwards Grafana, Prometheus and OTLP of the cluster that KUBE_CONTEXT names to 127.0.0.1, until Ctrl-C. The lab's own k3d cluster maps
 * these ports permanently.
 *
 *   tsx tasks/k3d-port-forward.ts --kube-context my-cluster
 *   tsx tasks/k3d-port-forward.ts --kube-context my-cluster --grafana-port 3100
 */
import { LabError } from '../lib/cli/errors.ts'
import { requireContext } from '../lib/k3d/agreement.ts'
import { ownCluster, portNames } from '../lib/k3d/k3d-cluster.ts'
import { openForward, settingPorts } from '../lib/k3d/port-forward.ts'
import { print, runTask } from '../lib/lab/task.ts'
import { requireFreePorts } from '../lib/system/ports.ts'

const about = "Forwards LGTM's ports to 127.0.0.1, until Ctrl-C."
const settings = ['kubeContext', ...portNames] as const

await runTask({ about, settings, on: 'context' }, async ({ lab }) => {
  await requireContext(lab)
  const { grafanaPort, prometheusPort, otlpGrpcPort, otlpHttpPort } = lab.settings
  const addresses = `Grafana http://127.0.0.1:${grafanaPort}, Prometheus http://127.0.0.1:${prometheusPort}, OTLP 127.0.0.1:${otlpGrpcPort} and http://127.0.0.1:${otlpHttpPort}`
  if (ownCluster(lab) !== undefined) {
    print(`k3d has the ports open: ${addresses}`)
    return
  }
  await requireFreePorts(lab.settings, portNames)
  const forward = await openForward(lab, settingPorts(lab))
  let isStopped = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      isStopped = true
      forward.close()
    })
  }
  print(`${addresses}; Ctrl-C ends it`)
  const stderr = await forward.ended
  if (isStopped) return
  throw new LabError('The port forwarding ended', { why: stderr, next: 'run this again; LGTM may have a new pod' })
})
