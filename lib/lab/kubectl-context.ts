import { accessSync, constants, existsSync, rmSync, statSync } from 'node:fs'
import { devNull, homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { LabError, messageOf } from '../cli/errors.ts'
import { makeCommand } from '../cli/settings.ts'
import { fields, items, text } from '../kube/json.ts'
import { programPath } from '../programs/programs.ts'
import { nearestExisting } from '../system/disk.ts'
import { run } from '../system/run.ts'
import { readYamlDocuments } from '../system/yaml-files.ts'
import { type Lab, type LabRecord, labDirs, readRecord, recordPath, writeFileAtomically, writeRecord } from './lab.ts'

/** The kubeconfig file that kubectl writes: the first file of `KUBECONFIG` that exists, else its last, else `~/.kube/config`. */
export function userKubeconfig(env: NodeJS.ProcessEnv): string {
  const files = kubeconfigFiles(env)
  return files.find(file => existsSync(file)) ?? files.at(-1) ?? ''
}

/** The files that kubectl reads. */
function kubeconfigFiles(env: NodeJS.ProcessEnv): string[] {
  const files = (env['KUBECONFIG'] ?? '').split(delimiter).filter(file => file !== '')
  return files.length > 0 ? files : [join(homedir(), '.kube', 'config')]
}

/** Throws a LabError when the kubeconfig cannot be written, before the cluster is created. */
export function requireWritableKubeconfig(env: NodeJS.ProcessEnv): void {
  const file = userKubeconfig(env)
  try {
    // kubectl creates missing folders, so the nearest folder that exists decides.
    const nearest = nearestExisting(file)
    if (nearest !== file && !statSync(nearest).isDirectory()) throw new Error(`${nearest} is not a folder`)
    if (nearest === file && !statSync(nearest).isFile()) throw new Error('it is not a file')
    accessSync(nearest, constants.W_OK | constants.R_OK)
    // kubectl writes a lock file beside it.
    if (nearest === file) accessSync(dirname(file), constants.W_OK)
  } catch (error) {
    throw new LabError(`Cannot write the kubeconfig ${file}`, {
      why: messageOf(error),
      next: 'set KUBECONFIG to a file that you can write',
      cause: error,
    })
  }
}

/**
 * Throws a LabError when a kubeconfig has a context of the lab's name that this lab did not add, and a UsageError for an invalid one.
 * Reads all files of `KUBECONFIG`: kubectl fails when one of them is invalid, and changes a context in the file that has it.
 */
export function requireOwnContext(lab: Lab, env: NodeJS.ProcessEnv): void {
  const contextsOf = (file: string) =>
    items(fields(readYamlDocuments(file, `fix ${file}, or set KUBECONFIG`)[0])['contexts'])
  const file = kubeconfigFiles(env)
    .filter(path => path !== devNull && existsSync(path))
    // Reads every file, to find an invalid one behind a file with such a context.
    .map(path => ({ path, names: contextsOf(path).map(context => fields(context)['name']) }))
    .find(({ names }) => names.includes(lab.context))?.path
  if (file === undefined || readRecord(lab.dir)?.previousContext !== undefined) return
  throw new LabError(`Your kubeconfig has a context "${lab.context}" that the lab did not create`, {
    why: `it is in ${file}`,
    next: `set CLUSTER_NAME to another name, or run kubectl config delete-context ${lab.context}`,
  })
}

/**
 * Adds the lab's context to the user's kubeconfig and makes it the current one. Records the previous context for `kwok-down`. Returns
 * false when nothing is to do.
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
 * Removes the lab's context from the user's kubeconfig and makes the previous one current again. Deletes a file that the lab created
 * and that has nothing else. Changes the file that the lab wrote, whatever `KUBECONFIG` is now.
 */
export async function restoreContext(lab: Lab): Promise<void> {
  const record = readRecord(lab.dir)
  if (record?.previousContext === undefined) return
  const { previousContext: previous, kubeconfig = '' } = record
  const env = { ...process.env, KUBECONFIG: kubeconfig }
  const file = userKubeconfig(env)
  if (!existsSync(file)) return
  const view = fields(JSON.parse(await config(['view', '-o', 'json'], env)))
  const others = (list: string) =>
    items(view[list])
      .map(each => fields(each)['name'])
      .filter(name => name !== lab.context)
  for (const entry of ['contexts', 'clusters', 'users']) await config(['unset', `${entry}.${lab.context}`], env)
  if (view['current-context'] === lab.context) {
    // Without the previous context none is current, as after kubectl config delete-context.
    const isThere = others('contexts').includes(previous)
    await config(isThere ? ['use-context', previous] : ['unset', 'current-context'], env)
  }
  handOverContext(lab, record)
  const isEmpty = ['contexts', 'clusters', 'users'].every(list => others(list).length === 0)
  if (record.kubeconfigMade === true && isEmpty) rmSync(file, { force: true })
}

/** A lab that was created after this one has this lab's context as its previous one: it gets the one before. */
function handOverContext(lab: Lab, { previousContext, kubeconfigMade }: LabRecord): void {
  for (const dir of labDirs(lab)) {
    const record = readRecord(dir)
    if (record?.previousContext !== lab.context || previousContext === undefined) continue
    const updated = {
      ...record,
      previousContext,
      kubeconfigMade: record.kubeconfigMade === true || kubeconfigMade === true,
    }
    writeFileAtomically(recordPath(dir), `${JSON.stringify(updated, null, 2)}\n`)
  }
}

/** The URL of the API server on this machine, from kwokctl's kubeconfig. */
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
