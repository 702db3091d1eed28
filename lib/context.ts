import { accessSync, constants, existsSync, rmSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { programPath } from './binaries.ts'
import { LabError } from './errors.ts'
import { type Lab, readRecord, writeRecord } from './lab.ts'
import { run } from './run.ts'

/**
 * The kubeconfig file that kubectl would write for this person: the first of `KUBECONFIG` that is there, else its last, else
 * `~/.kube/config`.
 */
export function userKubeconfig(env: NodeJS.ProcessEnv): string {
  const files = (env['KUBECONFIG'] ?? '').split(delimiter).filter(file => file !== '')
  return files.find(file => existsSync(file)) ?? files.at(-1) ?? join(homedir(), '.kube', 'config')
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
  } catch (error) {
    throw new LabError(`Cannot write the kubeconfig ${file}`, {
      why: error instanceof Error ? error.message : String(error),
      next: 'set KUBECONFIG to a file that you can write',
      cause: error,
    })
  }
}

/**
 * Adds the lab's context to the user's kubeconfig and makes it the current one. The one that was current is kept in the
 * lab's record, for `kwok-down`. Returns false when all of that is so already.
 */
export async function switchContext(lab: Lab): Promise<boolean> {
  const current = await currentContext()
  if (current === lab.context && (await knowsCluster(lab))) return false
  const record = readRecord(lab.dir)
  if (record !== undefined && record.previousContext === undefined) {
    const previousContext = current === lab.context ? '' : current
    writeRecord(lab, { ...record, previousContext, kubeconfigMade: !existsSync(userKubeconfig(process.env)) })
  }
  const { context, clusterDir } = lab
  const pki = (file: string) => join(clusterDir, 'pki', file)
  const server = await apiServer(lab)
  await config(
    'set-cluster',
    context,
    `--server=${server}`,
    `--certificate-authority=${pki('ca.crt')}`,
    '--embed-certs',
  )
  await config(
    'set-credentials',
    context,
    `--client-certificate=${pki('admin.crt')}`,
    `--client-key=${pki('admin.key')}`,
    '--embed-certs',
  )
  await config('set-context', context, `--cluster=${context}`, `--user=${context}`)
  await config('use-context', context)
  return true
}

/**
 * Takes the lab's context out of the user's kubeconfig and gives back the one that was current before it. A file that the
 * lab made and that holds nothing else goes.
 */
export async function restoreContext(lab: Lab): Promise<void> {
  const file = userKubeconfig(process.env)
  if (!existsSync(file)) return
  const record = readRecord(lab.dir)
  const current = await currentContext()
  for (const entry of ['contexts', 'clusters', 'users']) await config('unset', `${entry}.${lab.context}`)
  const others = (await config('get-contexts', '-o', 'name')).split('\n').filter(name => name !== '')
  if (current === lab.context) {
    const previous = record?.previousContext ?? ''
    // The context of before may have gone meanwhile: then none is current, as kubectl has it after delete-context.
    await (others.includes(previous) ? config('use-context', previous) : config('unset', 'current-context'))
  }
  if (record?.kubeconfigMade !== true || others.length > 0) return
  const left = await config('view', '-o', 'jsonpath={.clusters[*].name}{.users[*].name}')
  if (left === '') rmSync(file)
}

/** The API server's address on this machine, as kwokctl wrote it. */
export async function apiServer(lab: Lab): Promise<string> {
  return await readConfig(lab.adminKubeconfig, '{.clusters[0].cluster.server}')
}

async function knowsCluster(lab: Lab): Promise<boolean> {
  const path = `{.clusters[?(@.name=="${lab.context}")].cluster.server}`
  return (await config('view', '-o', `jsonpath=${path}`)) === (await apiServer(lab))
}

async function currentContext(): Promise<string> {
  return await config('view', '-o', 'jsonpath={.current-context}')
}

async function readConfig(kubeconfig: string, path: string): Promise<string> {
  const program = await programPath('kubectl')
  return (await run(program, ['config', 'view', '--kubeconfig', kubeconfig, '-o', `jsonpath=${path}`])).stdout.trim()
}

async function config(...args: string[]): Promise<string> {
  return (await run(await programPath('kubectl'), ['config', ...args])).stdout.trim()
}
