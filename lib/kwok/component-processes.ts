import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { containerLog, logCommand } from '../docker/containers.ts'
import type { Component } from '../lab/components.ts'
import { componentContainer } from '../lab/container-names.ts'
import type { Lab } from '../lab/lab.ts'
import { runtimeOf } from '../lab/runtime.ts'
import { lastLogLines } from '../services/process-services.ts'
import { type ProcessInfo, processInfos } from '../system/processes.ts'
import { componentContainers } from './component-containers.ts'

/** The process of each component that runs and is this cluster's; of a container its first. */
export async function componentProcesses(lab: Lab): Promise<Map<string, ProcessInfo>> {
  if (runtimeOf(lab) === 'docker') return await componentContainers(lab)
  const pids = readPids(lab)
  const infos = await processInfos([...pids.values()])
  const running = new Map<string, ProcessInfo>()
  for (const [name, pid] of pids) {
    const info = infos.get(pid)
    if (info !== undefined && isOurs(lab, info)) running.set(name, info)
  }
  return running
}

/** The log of a component: a file, or the command that shows it. */
export function componentLog(lab: Lab, component: string): string {
  if (runtimeOf(lab) === 'docker') return logCommand(componentContainer(lab.settings.clusterName, component))
  return join(lab.clusterDir, 'logs', `${component}.log`)
}

/** The last lines of a component's log, indented. */
export async function componentLogEnd(lab: Lab, component: Component): Promise<string> {
  if (runtimeOf(lab) === 'binary') return lastLogLines(componentLog(lab, component))
  const text = await containerLog(componentContainer(lab.settings.clusterName, component), { tail: 8 })
  return text.trimEnd().replace(/^/gm, '    ')
}

/** What a component writes to its log from now on: the function gives all of it so far. */
export function followComponentLog(lab: Lab, component: Component): () => Promise<string> {
  if (runtimeOf(lab) === 'docker') {
    const since = new Date().toISOString()
    return async () => await containerLog(componentContainer(lab.settings.clusterName, component), { since })
  }
  const path = componentLog(lab, component)
  const offset = existsSync(path) ? statSync(path).size : 0
  return async () => (existsSync(path) ? readFileSync(path).subarray(offset).toString() : '')
}

/**
 * After a reboot a pid file names whoever got that number, and kwokctl would take it for its own: leave it running when
 * starting, kill it when deleting. Such pid files are removed before kwokctl reads them.
 */
export async function forgetForeignPids(lab: Lab): Promise<void> {
  const ours = await componentProcesses(lab)
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

/** Every component is started from the cluster's own folder, so its command line names that. */
function isOurs(lab: Lab, info: ProcessInfo): boolean {
  return info.command.includes(`${lab.clusterDir}/`)
}
