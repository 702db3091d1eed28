import { createInterface } from 'node:readline/promises'
import { LabError, UsageError } from '../cli/errors.ts'
import { makeCommand } from '../cli/settings.ts'
import { fields, text } from '../kube/json.ts'
import { kubectl } from '../lab/kubectl.ts'
import { type Lab, readRecord, writeRecord } from '../lab/lab.ts'
import { managedBy } from '../lab/manifest.ts'
import { programPath } from '../programs/programs.ts'
import { run } from '../system/run.ts'

/** The namespace of all that the lab installs in a cluster. */
export const labNamespace = 'otel-lab'

/**
 * Refuses to go on without a cluster: where the lab made none, or the kubeconfig has no such context.
 *
 * Throws a LabError or, for a context that isn't there, a UsageError that lists those that are.
 */
export async function requireContext(lab: Lab): Promise<void> {
  const record = readRecord(lab.dir)
  const name = lab.settings.clusterName
  const isMeantOwn = record?.k3dCluster !== undefined || lab.context === `k3d-${name}`
  if (isMeantOwn && record?.created !== true) {
    throw new LabError(`There is no k3d cluster "${name}"`, { next: makeCommand('k3d', name) })
  }
  const asked = await run(await programPath('kubectl'), ['config', 'get-contexts', '-o', 'name'], { nothrow: true })
  const contexts = asked.stdout.split('\n').filter(each => each !== '')
  if (contexts.includes(lab.context)) return await requireAnswer(lab, isMeantOwn)
  if (isMeantOwn) {
    throw new LabError(`Your kubeconfig has no context "${lab.context}"`, {
      next: `k3d kubeconfig merge ${name} --kubeconfig-merge-default`,
    })
  }
  throw new UsageError(`KUBE_CONTEXT=${lab.context} is invalid`, {
    why: `your kubeconfig has no such context; it has ${contexts.join(', ') || 'none'}`,
    next: 'set KUBE_CONTEXT to one of them, or KUBECONFIG to another file',
  })
}

/** A cluster that is stopped, or credentials that are no good, fail here, and not in the midst of something. */
async function requireAnswer(lab: Lab, isOwn: boolean): Promise<void> {
  const asked = await kubectl(lab, ['get', '--raw', '/version', '--request-timeout', '15s'], { nothrow: true })
  if (asked.exitCode === 0) return
  throw new LabError(`The cluster of context "${lab.context}" does not answer`, {
    why: asked.stderr.trim().split('\n').at(-1),
    next: isOwn
      ? `${makeCommand('k3d', lab.settings.clusterName)} starts one that is stopped`
      : `see whether it runs, and whether you may: kubectl --context ${lab.context} version`,
  })
}

/**
 * Asks before the lab changes a cluster that it did not make, once for each; another one under the same context is asked for anew. `yes` agrees beforehand.
 *
 * Throws a UsageError when there is nobody to ask, and a LabError when the answer is no.
 */
export async function requireAgreement(lab: Lab, what: string, yes: boolean): Promise<void> {
  const record = readRecord(lab.dir)
  if (record?.k3dCluster !== undefined) return
  const agreedCluster = await clusterUid(lab)
  if (record?.agreedCluster === agreedCluster) return
  if (!yes) {
    const about = `The lab did not make the cluster of context "${lab.context}"`
    if (!process.stdin.isTTY) throw new UsageError(about, { why: what, next: 'add YES=1 if that is what you want' })
    const terminal = createInterface({ input: process.stdin, output: process.stderr })
    const answer = await terminal.question(`${about}: ${what}. Go on? [y/N] `).finally(() => terminal.close())
    if (!/^y(es)?$/i.test(answer.trim())) throw new LabError('Nothing was changed', { next: 'run it again to agree' })
  }
  writeRecord(lab, { settings: {}, kwokWorkdir: lab.kwokWorkdir, ...record, agreedCluster })
}

/** What tells clusters apart that have the same context. A plain path leaves nothing of kubectl's in the lab's folder. */
async function clusterUid(lab: Lab): Promise<string> {
  const { stdout } = await kubectl(lab, ['get', '--raw', '/api/v1/namespaces/kube-system'])
  return text(fields(fields(JSON.parse(stdout))['metadata'])['uid']) ?? ''
}

/** Whether the lab's namespace is there. Throws a LabError when it is somebody else's. */
export async function hasOwnNamespace(lab: Lab): Promise<boolean> {
  const asked = await kubectl(lab, ['get', 'namespace', labNamespace, '-o', 'json', '--ignore-not-found'])
  if (asked.stdout.trim() === '') return false
  const [label = '', value] = managedBy.split('=')
  if (fields(fields(fields(JSON.parse(asked.stdout))['metadata'])['labels'])[label] === value) return true
  throw new LabError(`Namespace ${labNamespace} of context "${lab.context}" was not made by the lab`, {
    next: 'use another cluster, or delete that namespace if nobody needs it',
  })
}
