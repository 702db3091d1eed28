/**
 * Creates the k3d cluster of k3d-config/k3d.yaml: real kubelets in containers of the Docker engine, LGTM's ports mapped to 127.0.0.1, and the
 * dashboards folder mounted. Leaves an existing cluster as it is, and starts a stopped one.
 *
 *   tsx tasks/k3d-create-cluster.ts
 *   tsx tasks/k3d-create-cluster.ts --cluster-name small --prometheus-port 9190
 */
import { UsageError } from '../lib/cli/errors.ts'
import { ensureCluster } from '../lib/k3d/k3d-cluster.ts'
import { print, runTask, say } from '../lib/lab/task.ts'

const about = 'Creates the k3d cluster, or starts an existing one.'
const settings = ['grafanaPort', 'prometheusPort', 'otlpGrpcPort', 'otlpHttpPort', 'collectionInterval'] as const

await runTask({ about, settings, on: 'context', changesLab: true }, async ({ lab }) => {
  if (lab.settings.kubeContext !== 'auto') {
    throw new UsageError(`KUBE_CONTEXT=${lab.settings.kubeContext} names an existing cluster`, {
      next: `make k3d-lgtm k3d-collectors KUBE_CONTEXT=${lab.settings.kubeContext}, or unset KUBE_CONTEXT`,
    })
  }
  const isNew = await ensureCluster(lab, say)
  print(`k3d cluster "${lab.settings.clusterName}" ${isNew ? 'is created' : 'exists'}, context ${lab.context}`)
})
