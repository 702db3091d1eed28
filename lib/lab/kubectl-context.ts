import { accessSync, constants, existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { LabError } from '../cli/errors.ts'
import { makeCommand } from '../cli/settings.ts'
import { fields, items, text } from '../kube/json.ts'
import { programPath } from '../programs/programs.ts'
import { run } from '../system/run.ts'
import { readYamlDocuments } from '../system/yaml-files.ts'
import { type Lab, type LabRecord, readRecord, recordPath, writeFileAtomically, writeRecord } from './lab.ts'

/**
 * The kubeconfig file that kubectl would write for this person: the first of `KUBECONFIG` that is there, else its last, else
 * `~/.kube/config`.
 */
export function userKubeconfig(env: NodeJS.ProcessEnv): string {
  const files = kubeconfigFiles(env)
  return files.find(file => existsSync(file)) ?? files.at(-1) ?? ''
}

/** The files that kubectl would read. */
function kubeconfigFiles(env: NodeJS.ProcessEnv): string[] {
  const files = (env['KUBECONFIG'] ?? '').split(delimiter).filter(file => file !== '')
  return files.length > 0 ? files : [join(homedir(), '.kube', 'config')]
}

/** Refuses a kubeconfig that could not be written later, when the cluster is already there. */
export function requireWritableKubeconfig(env: NodeJS.ProcessEnv): void {
  const file = userKubeconfig(env)
  try {
    // kubectl makes the folders that lack, so the nearest one that is there decides.
    let nearest = file
    while (!existsSync(nearest) && dirname(nearest) !== nearest) nearest = dirname(nearest)
    if (nearest !== file && !statSync(nearest).isDirectory()) throw new Error(`${nearest} is not a folder`)
    if (nearest === file && !statSync(nearest).isFile()) throw new Error('it is not a file')
    accessSync(nearest, constants.W_OK | constants.R_OK)
    // kubectl puts a lock file beside it.
    if (nearest === file) accessSync(dirname(file), constants.W_OK)
  } catch (error) {
    throw new LabError(`Cannot write the kubeconfig ${file}`, {
      why: error instanceof Error ? error.message : String(error),
      next: 'set KUBECONFIG to a file that you can write',
      cause: error,
    })
  }
}

/**
 * Refuses a context of the lab's name that the lab did not put there: another kwokctl's, or another clone's. Reads all files of
 * `KUBECONFIG`, for kubectl does: it can't do anything when one is broken, and changes a context in the file where that is.
 *
 * Throws a UsageError for an invalid kubeconfig, and a LabError for such a context.
 */
export function requireOwnContext(lab: Lab, env: NodeJS.ProcessEnv): void {
  const contextsOf = (file: string) =>
    items(fields(readYamlDocuments(file, `fix ${file}, or set KUBECONFIG`)[0])['contexts'])
  const file = kubeconfigFiles(env)
    .filter(path => existsSync(path))
    // Each is read: one that is broken is found also behind one that has such a context.
    .map(path => ({ path, names: contextsOf(path).map(context => fields(context)['name']) }))
    .find(({ names }) => names.includes(lab.context))?.path
  if (file === undefined || readRecord(lab.dir)?.previousContext !== undefined) return
  throw new LabError(`Your kubeconfig has a context "${lab.context}" that the lab did not make`, {
    why: `it is in ${file}`,
    next: `set CLUSTER_NAME to another name, or run kubectl config delete-context ${lab.context}`,
  })
}

/**
 * Adds the lab's context to the user's kubeconfig and makes it the current one. The one that was current is kept in the
 * lab's record, for `kwok-down`. Returns false when all of that is so already.
 */
export async function switchContext(lab: Lab): Promise<boolean> {
  const view = fields(JSON.parse(await config(['view', '-o', 'json'])))
  const current = text(view['current-context']) ?? ''
  const server = apiServer(lab)
  const known = items(view['clusters'])
    .map(fields)
    .find(cluster => cluster['name'] === lab.context)
  if (current === lab.context && fields(known?.['cluster'])['server'] === server) return false
  const record = readRecord(lab.dir)
  if (record !== undefined && current !== lab.context) {
    const kubeconfigMade = record.kubeconfigMade ?? !existsSync(userKubeconfig(process.env))
    const kubeconfig = process.env['KUBECONFIG'] ?? ''
    writeRecord(lab, { ...record, previousContext: current, kubeconfigMade, kubeconfig })
  }
  const { context, clusterDir } = lab
  const pki = (file: string) => join(clusterDir, 'pki', file)
  const authority = `--certificate-authority=${pki('ca.crt')}`
  const identity = [`--client-certificate=${pki('admin.crt')}`, `--client-key=${pki('admin.key')}`]
  await config(['set-cluster', context, `--server=${server}`, authority, '--embed-certs'])
  await config(['set-credentials', context, ...identity, '--embed-certs'])
  await config(['set-context', context, `--cluster=${context}`, `--user=${context}`])
  await config(['use-context', context])
  return true
}

/**
 * Takes the lab's context out of the user's kubeconfig and gives back the one that was current before it. A file that the
 * lab made and that holds nothing else goes. Works on the file that the lab wrote, whatever `KUBECONFIG` says now.
 */
export async function restoreContext(lab: Lab): Promise<void> {
  const record = readRecord(lab.dir)
  if (record?.previousContext === undefined) return
  const { previousContext: previous, kubeconfig = '' } = record
  const env = { ...process.env, KUBECONFIG: kubeconfig }
  const file = userKubeconfig(env)
  if (!existsSync(file)) return
  const current = await currentContext(env)
  for (const entry of ['contexts', 'clusters', 'users']) await config(['unset', `${entry}.${lab.context}`], env)
  const others = (await config(['get-contexts', '-o', 'name'], env)).split('\n').filter(name => name !== '')
  if (current === lab.context) {
    // The context of before may have gone meanwhile: then none is current, as kubectl has it after delete-context.
    await config(others.includes(previous) ? ['use-context', previous] : ['unset', 'current-context'], env)
  }
  bequeath(lab, record)
  if (record.kubeconfigMade !== true || others.length > 0) return
  const left = await config(['view', '-o', 'jsonpath={.clusters[*].name}{.users[*].name}'], env)
  if (left === '') rmSync(file, { force: true })
}

/** A lab that was brought up on top of this one has its context to give back, which goes: it gets what this one had. */
function bequeath(lab: Lab, { previousContext, kubeconfigMade }: LabRecord): void {
  for (const other of readdirSync(dirname(lab.dir), { withFileTypes: true })) {
    // The labs' locks are beside them.
    if (!other.isDirectory()) continue
    const dir = join(dirname(lab.dir), other.name)
    const record = readRecord(dir)
    if (record?.previousContext !== lab.context || previousContext === undefined) continue
    const heir = {
      ...record,
      previousContext,
      kubeconfigMade: record.kubeconfigMade === true || kubeconfigMade === true,
    }
    writeFileAtomically(recordPath(dir), `${JSON.stringify(heir, null, 2)}\n`)
  }
}

async function currentContext(env = process.env): Promise<string> {
  return await config(['view', '-o', 'jsonpath={.current-context}'], env)
}

/** The API server's address on this machine, as kwokctl wrote it. */
export function apiServer(lab: Lab): string {
  const next = `${makeCommand('kwok-down', lab.settings.clusterName)}, then make kwok`
  const [cluster] = items(fields(readYamlDocuments(lab.adminKubeconfig, next)[0])['clusters'])
  const server = text(fields(fields(cluster)['cluster'])['server'])
  if (server !== undefined) return server
  throw new LabError(`${lab.adminKubeconfig} names no API server`, { next })
}

async function config(args: string[], env = process.env): Promise<string> {
  return (await run(await programPath('kubectl'), ['config', ...args], { env })).stdout.trim()
}
