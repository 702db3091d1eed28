import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LabError } from '../cli/errors.ts'
import { makeCommand } from '../cli/settings.ts'
import { fields, text } from '../kube/json.ts'
import { readYamlDocuments } from '../system/yaml-files.ts'
import { type Lab, whyNoLab } from './lab.ts'

/** Creates kwokctl's folder of a cluster, with a file that names this lab as the owner. */
export function markCluster(lab: Lab): void {
  mkdirSync(lab.clusterDir, { recursive: true, mode: 0o700 })
  writeFileSync(markerPath(lab), `${lab.dir}\n`, { mode: 0o600 })
}

/** The folder of the lab that created the cluster; undefined when no lab did. */
export function clusterOwner(lab: Lab): string | undefined {
  const path = markerPath(lab)
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined
}

/** Whether kwokctl has finished creating the cluster: its configuration and kubeconfig exist. */
export function isClusterMade(lab: Lab): boolean {
  return existsSync(join(lab.clusterDir, 'kwok.yaml')) && existsSync(lab.adminKubeconfig)
}

/** Throws a LabError for a cluster that this clone of the project did not create. */
export function requireOwnCluster(lab: Lab): void {
  if (!existsSync(lab.clusterDir)) return
  const owner = clusterOwner(lab)
  if (owner === lab.dir) return
  const name = lab.settings.clusterName
  const deleteIt = `run kwokctl delete cluster --name ${name}`
  if (owner !== undefined) {
    if (!existsSync(owner)) {
      throw new LabError(`KWOK cluster "${name}" belongs to a deleted clone of the lab`, {
        why: `its state was in ${owner}`,
        next: `set CLUSTER_NAME and the ports to others, or ${deleteIt}`,
      })
    }
    throw new LabError(`KWOK cluster "${name}" belongs to another clone of the lab`, {
      why: `its state is in ${owner}`,
      next: 'set CLUSTER_NAME and the ports to others, or run make kwok-down there',
    })
  }
  throw new LabError(`The lab did not create KWOK cluster "${name}"`, {
    why: `kwokctl created it with the ${clusterRuntime(lab)} runtime in ${lab.clusterDir}`,
    next: `set CLUSTER_NAME to another name, or ${deleteIt}`,
  })
}

function clusterRuntime(lab: Lab): string {
  const path = join(lab.clusterDir, 'kwok.yaml')
  if (!existsSync(path)) return 'unknown'
  const [config] = readYamlDocuments(path, 'set CLUSTER_NAME to another name')
  return text(fields(fields(config)['options'])['runtime']) ?? 'unknown'
}

/** Throws a LabError when the cluster does not exist, or when this clone did not create it. */
export function requireCluster(lab: Lab): void {
  requireOwnCluster(lab)
  if (isClusterMade(lab)) return
  throw new LabError(`There is no KWOK cluster "${lab.settings.clusterName}"`, {
    why: whyNoLab(lab),
    next: makeCommand('kwok', lab.settings.clusterName),
  })
}

function markerPath(lab: Lab): string {
  return join(lab.clusterDir, 'kube-otel-lab')
}
