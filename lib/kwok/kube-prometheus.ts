import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fields } from '../kube/json.ts'
import { containerKubeconfigPath, kubeconfigPath, kubePrometheusRights } from '../lab/kubeconfig.ts'
import { applyManifests, kubectl } from '../lab/kubectl.ts'
import { type Lab, projectDir } from '../lab/lab.ts'
import { readYamlDocuments, yamlText } from '../system/yaml-files.ts'

/** The DaemonSet of the simulated node exporters, and its Service. */
export const nodeExporterFile = join(projectDir, 'kwok-config', 'node-exporter.yaml')

/** Creates the DaemonSet of node exporters, one pod on each node, and its Service. */
export async function applyNodeExporters(lab: Lab): Promise<void> {
  await applyManifests(lab, nodeExporterFile)
}

/** Deletes what METRICS=prometheus adds to the cluster, except the namespace, which may hold objects of others. Does nothing without it. */
export async function deleteKubePrometheus(lab: Lab): Promise<void> {
  const kubeconfigs = [kubeconfigPath(lab, 'kube-state-metrics'), containerKubeconfigPath(lab, 'kube-state-metrics')]
  if (!kubeconfigs.some(path => existsSync(path))) return
  const objects = [nodeExporterFile, kubePrometheusRights].flatMap(file => readYamlDocuments(file)).map(fields)
  const input = yamlText(objects.filter(({ kind }) => kind !== 'Namespace'))
  await kubectl(lab, ['delete', '--ignore-not-found', '--wait=false', '-f', '-'], { input })
  // Last: a run that ended before this deletes the rest.
  for (const path of kubeconfigs) rmSync(path, { force: true })
}
