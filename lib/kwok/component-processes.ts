import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { components, optionOf, programOf } from '../lab/components.ts'
import type { Lab } from '../lab/lab.ts'
import { type ControlPlaneProgram, controlPlanePrograms, ensurePrograms } from '../programs/programs.ts'
import { lastLogLines } from '../services/process-services.ts'
import { type ProcessInfo, processInfos } from '../system/processes.ts'
import type { ControlPlane } from './control-plane.ts'
import { kwokctl, kwokctlEnv } from './kwokctl.ts'

/** The control plane as processes of this machine, in the binary runtime. */
export const binaryControlPlane: ControlPlane = {
  runtime: 'binary',
  runsHere: true,
  environment: kwokctlEnv,
  kwokctlInput: async (lab, { ports }) => ({
    pki: join(lab.clusterDir, 'pki'),
    options: { ...programOptions(await ensurePrograms(controlPlanePrograms)), ...ports },
  }),
  configPath: file => file,
  requireOwn: async () => {},
  beforeCreate: async () => {},
  beforeStart: removeForeignPids,
  remove,
  processes,
  startMs: async (lab, component) => {
    // kwokctl writes it at each start.
    const path = join(lab.clusterDir, 'pids', `${component}.pid`)
    return existsSync(path) ? statSync(path).mtimeMs : undefined
  },
  log: logFile,
  logEnd: async (lab, component) => lastLogLines(logFile(lab, component)),
  followLog: (lab, component) => {
    const path = logFile(lab, component)
    const offset = existsSync(path) ? statSync(path).size : 0
    return async () => (existsSync(path) ? readFileSync(path).subarray(offset).toString() : '')
  },
  memory: async () => new Map(),
}

/** kwokctl's options that name the programs of the control plane. */
export function programOptions(
  programs: Readonly<Record<ControlPlaneProgram, { path: string }>>,
): Record<string, string> {
  const options = components.map(name => [optionOf(name, 'Binary'), programs[programOf(name)].path])
  return { ...Object.fromEntries(options), kubectlBinary: programs.kubectl.path }
}

function logFile(lab: Lab, component: string): string {
  return join(lab.clusterDir, 'logs', `${component}.log`)
}

async function remove(lab: Lab): Promise<void> {
  if (!existsSync(join(lab.clusterDir, 'kwok.yaml'))) return
  await removeForeignPids(lab)
  // kwokctl requires a kubeconfig to remove the context from; the user's own is another step's.
  const scratch = join(lab.clusterDir, 'no-kubeconfig')
  const args = ['delete', 'cluster', '--name', lab.settings.clusterName, '--kubeconfig', scratch]
  await kwokctl(lab, args, kwokctlEnv(lab, process.env))
}

async function processes(lab: Lab): Promise<Map<string, ProcessInfo>> {
  const pids = readPids(lab)
  const infos = await processInfos([...pids.values()])
  const running = new Map<string, ProcessInfo>()
  for (const [name, pid] of pids) {
    const info = infos.get(pid)
    if (info !== undefined && isOurs(lab, info)) running.set(name, info)
  }
  return running
}

/**
 * After a reboot a pid file may name a process of another program. kwokctl takes that for its component: it does not start one, and
 * kills the other program when deleting. Such pid files are removed before kwokctl reads them.
 */
async function removeForeignPids(lab: Lab): Promise<void> {
  const ours = await processes(lab)
  for (const name of readPids(lab).keys()) {
    if (!ours.has(name)) rmSync(join(lab.clusterDir, 'pids', `${name}.pid`), { force: true })
  }
}

function readPids(lab: Lab): Map<string, number> {
  const dir = join(lab.clusterDir, 'pids')
  const pids = new Map<string, number>()
  for (const file of existsSync(dir) ? readdirSync(dir) : []) {
    const pid = Number(readFileSync(join(dir, file), 'utf8'))
    if (file.endsWith('.pid') && Number.isInteger(pid) && pid > 0) pids.set(file.slice(0, -'.pid'.length), pid)
  }
  return pids
}

/** A component's program is in the cluster's folder, so its command line has that path. */
function isOurs(lab: Lab, info: ProcessInfo): boolean {
  return info.command.includes(`${lab.clusterDir}/`)
}
