import { createInterface } from 'node:readline/promises'
import { LabError, UsageError } from '../cli/errors.ts'
import { makeCommand } from '../cli/settings.ts'
import { fields, text } from '../kube/json.ts'
import { kubectlCommand } from '../lab/kubectl.ts'
import { type Lab, labCommand, readRecord, writeRecord } from '../lab/lab.ts'
import { isManaged } from '../lab/manifest.ts'
import { hasPrometheusMetrics } from '../lab/metrics-dialects.ts'
import { programPath } from '../programs/programs.ts'
import { $ } from '../system/run.ts'

/** The namespace of everything that the lab installs in a cluster. */
export const labNamespace = 'otel-lab'

/** The namespace and the Helm release of the lab inside a cluster. */
export const inClusterNamespace = 'kube-otel-lab'

/** The parts of the lab inside a cluster. */
export function inClusterParts(lab: Lab): string[] {
  const parts = ['kwok', 'stats-proxy', 'collector', 'cluster-collector']
  return hasPrometheusMetrics(lab) ? [...parts, 'kube-state-metrics'] : parts
}

/**
 * Checks that the cluster of the lab's context exists and answers.
 *
 * Throws a LabError for a missing cluster and one that does not answer, and a UsageError with the valid contexts for an unknown context.
 */
export async function requireContext(lab: Lab): Promise<void> {
  const record = readRecord(lab.dir)
  const name = lab.settings.clusterName
  const isOwn = record?.k3dCluster !== undefined || lab.context === `k3d-${name}`
  if (isOwn && record?.created !== true) {
    throw new LabError(`There is no k3d cluster "${name}"`, {
      next: `${makeCommand('k3d', name)}, or set KUBE_CONTEXT to a context of your kubeconfig`,
    })
  }
  const { stdout } = await $({ nothrow: true })`${await programPath('kubectl')} config get-contexts -o name`
  const contexts = stdout.split('\n').filter(each => each !== '')
  if (contexts.includes(lab.context)) return await requireAnswer(lab, isOwn)
  if (isOwn) {
    throw new LabError(`Your kubeconfig has no context "${lab.context}"`, {
      next: `k3d kubeconfig merge ${name} --kubeconfig-merge-default`,
    })
  }
  throw new UsageError(`KUBE_CONTEXT=${lab.context} is invalid`, {
    why: `your kubeconfig has no such context; it has ${contexts.join(', ') || 'none'}`,
    next: 'set KUBE_CONTEXT to one of them, or KUBECONFIG to another file',
  })
}

/** Reports a stopped cluster or invalid credentials before anything changes. */
async function requireAnswer(lab: Lab, isOwn: boolean): Promise<void> {
  const { exitCode, stderr } = await $({
    nothrow: true,
  })`${await kubectlCommand(lab)} get --raw /version --request-timeout 15s`
  if (exitCode === 0) return
  throw new LabError(`The cluster of context "${lab.context}" does not answer`, {
    why: stderr.trim().split('\n').at(-1),
    next: isOwn
      ? `${makeCommand('k3d', lab.settings.clusterName)} starts a stopped cluster`
      : `check that it runs and that you have access: kubectl --context ${lab.context} version`,
  })
}

/**
 * Asks for confirmation before the lab changes a cluster that it did not create, once per cluster. Another cluster under the same context
 * needs a new confirmation. `yes` confirms without a question.
 *
 * Throws a UsageError without a terminal, and a LabError when the answer is no.
 */
export async function requireAgreement(lab: Lab, what: string, yes: boolean): Promise<void> {
  const record = readRecord(lab.dir)
  if (record?.k3dCluster !== undefined) return
  const agreedCluster = await clusterUid(lab)
  if (record?.agreedCluster === agreedCluster) return
  if (!yes) {
    const about = `The lab did not create the cluster of context "${lab.context}"`
    if (!process.stdin.isTTY) throw new UsageError(about, { why: what, next: 'add YES=1 to confirm' })
    const terminal = createInterface({ input: process.stdin, output: process.stderr })
    const answer = await terminal.question(`${about}: ${what}. Continue? [y/N] `).finally(() => terminal.close())
    if (!/^y(es)?$/i.test(answer.trim()))
      throw new LabError('Nothing was changed', { next: 'run this again to confirm' })
  }
  writeRecord(lab, { settings: {}, kwokWorkdir: lab.kwokWorkdir, ...record, agreedCluster })
}

/** Whether the cluster of the context is still the one that the user has allowed the lab to change; also before that. */
export async function isSameCluster(lab: Lab): Promise<boolean> {
  const agreed = readRecord(lab.dir)?.agreedCluster
  return agreed === undefined || agreed === (await clusterUid(lab))
}

/** The UID of namespace kube-system identifies a cluster. With --raw kubectl writes no discovery cache into the lab's folder. */
async function clusterUid(lab: Lab): Promise<string> {
  const { stdout } = await $`${await kubectlCommand(lab)} get --raw /api/v1/namespaces/kube-system`
  return text(fields(fields(JSON.parse(stdout))['metadata'])['uid']) ?? ''
}

/** Whether a namespace of the lab exists. Throws a LabError when the lab did not create it. */
export async function hasOwnNamespace(lab: Lab, namespace: string = labNamespace): Promise<boolean> {
  const { stdout } = await $`${await kubectlCommand(lab)} get namespace ${namespace} -o json --ignore-not-found`
  if (stdout.trim() === '') return false
  if (isManaged(JSON.parse(stdout))) return true
  throw new LabError(`The lab did not create namespace ${namespace} of context "${lab.context}"`, {
    next: 'use another cluster, or delete that namespace if it is not in use',
  })
}

/** Throws a LabError unless the lab runs inside the cluster of its context, which answers. */
export async function requireInCluster(lab: Lab): Promise<void> {
  await requireContext(lab)
  if (await hasOwnNamespace(lab, inClusterNamespace)) return
  const next = labCommand(lab, 'in-cluster')
  throw new LabError(`The lab does not run inside the cluster of context "${lab.context}"`, { next })
}
