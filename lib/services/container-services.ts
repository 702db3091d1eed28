import { setTimeout as sleep } from 'node:timers/promises'
import { LabError } from '../cli/errors.ts'
import { acceptsFrom, type ContainerState, containerLog, inspectContainer, logCommand } from '../docker/containers.ts'
import { docker } from '../docker/engine.ts'
import { containerName, dirLabel, specLabel } from '../lab/container-names.ts'
import { ensureLabDirs, type Lab } from '../lab/lab.ts'
import { imageOf } from '../lab/lab-images.ts'
import { processInfos } from '../system/processes.ts'
import { waitUntil } from '../system/wait.ts'
import { type ContainerSpec, createVolumeArgs, runArgs, specDigest } from './container-spec.ts'
import { containerUser } from './container-user.ts'
import { emptyLog, READY_TIMEOUT_MS, type ServiceRunner, type ServiceState } from './process-services.ts'

/** The last lines of a log that report an error; without any, its last lines. A log of several programs has many others. */
export function errorLines(lines: readonly string[], count: number): string[] {
  const errors = lines.filter(line => /\b(error|fatal|panic|failed)\b|\berr=/i.test(line))
  return (errors.length > 0 ? errors : lines).slice(-count)
}

/**
 * Whether a service answers in time. The engine accepts connections to a published port before the service listens, and drops them: a
 * fetch() of Node.js 20 may then neither settle nor keep the process alive.
 */
async function isReadyWithin(spec: ContainerSpec, timeoutMs: number): Promise<boolean> {
  const done = new AbortController()
  try {
    return await Promise.race([spec.ready(), sleep(timeoutMs, false, { signal: done.signal })])
  } finally {
    done.abort()
  }
}

/**
 * Whether an address on the lab's network accepts connections, tried from the stats proxy's container: most ports there are not
 * published on this machine.
 */
export async function acceptsInside(lab: Lab, address: string): Promise<boolean> {
  return await acceptsFrom(containerName(lab.settings.clusterName, 'stats-proxy'), address)
}

/** Why an address on the lab's network cannot be reached; undefined when it can, or when the stats proxy does not run. */
export async function probeInside(lab: Lab, address: string): Promise<string | undefined> {
  const { process } = await containerServices(lab).state('stats-proxy')
  return process === undefined || (await acceptsInside(lab, address)) ? undefined : `${address} accepts no connection`
}

/** Services as containers, with the lab's names and labels, on its network. */
export function containerServices(lab: Lab): ServiceRunner<ContainerSpec> {
  const nameOf = (name: string) => containerName(lab.settings.clusterName, name)

  async function state(name: string): Promise<ServiceState> {
    const found = await inspectOwn(name)
    const logFile = logCommand(nameOf(name))
    if (found?.isRunning !== true) return { name, process: undefined, isWanted: found !== undefined, logFile }
    // The processes of an engine in a virtual machine are not visible here.
    const info = (await processInfos([found.pid])).get(found.pid)
    return {
      name,
      process: { pid: found.pid, residentBytes: info?.residentBytes ?? 0, command: nameOf(name) },
      isWanted: true,
      logFile,
    }
  }

  async function inspectOwn(name: string): Promise<ContainerState | undefined> {
    const found = await inspectContainer(nameOf(name))
    const owner = found?.labels[dirLabel]
    if (found === undefined || owner === lab.dir) return found
    throw new LabError(`Container ${nameOf(name)} was not created by this lab`, {
      why: owner === undefined ? 'it has no label of a lab' : `it belongs to ${owner}`,
      next: 'set CLUSTER_NAME to another name, or remove that container',
    })
  }

  async function stop(name: string): Promise<boolean> {
    const found = await inspectOwn(name)
    if (found === undefined) return false
    if (found.isRunning) await docker(['container', 'stop', '-t', '8', nameOf(name)], { nothrow: true })
    const removed = await docker(['container', 'rm', '--force', '--volumes', nameOf(name)], { nothrow: true })
    // Another command may have removed it.
    if (removed.exitCode !== 0 && (await inspectContainer(nameOf(name))) !== undefined) {
      throw new LabError(`Cannot remove container ${nameOf(name)}`, { why: removed.stderr.trim() })
    }
    return found.isRunning
  }

  async function ensureVolume(name: string): Promise<void> {
    await docker(createVolumeArgs(lab, name))
    const format = `{{index .Labels "${dirLabel}"}}`
    const { stdout } = await docker(['volume', 'inspect', '--format', format, nameOf(name)])
    if (stdout.trim() === lab.dir) return
    throw new LabError(`Docker volume ${nameOf(name)} was not created by this lab`, {
      why: 'a volume of that name existed before',
      next: `set CLUSTER_NAME to another name, or run docker volume rm ${nameOf(name)}`,
    })
  }

  async function waitUntilReady(spec: ContainerSpec): Promise<void> {
    await waitUntil({
      what: `${spec.name} to answer`,
      timeoutMs: spec.readyTimeoutMs ?? READY_TIMEOUT_MS,
      everyMs: 100,
      check: async () => {
        const isReady = await isReadyWithin(spec, 5_000)
        const found = await inspectContainer(nameOf(spec.name))
        if (found === undefined || !found.isRunning || found.restarts > 0) {
          return { failed: new LabError(`${spec.name} ended right after its start`) }
        }
        return isReady ? { done: undefined } : { pending: 'no answer' }
      },
    }).catch(async (error: unknown) => {
      if (!(error instanceof LabError)) throw error
      const text = (await containerLog(nameOf(spec.name), { tail: 400 })).trimEnd()
      if (text === '') throw new LabError(error.message, { ...emptyLog, cause: error })
      const log = errorLines(text.split('\n'), 8)
        .map(line => `    ${line.slice(0, 400)}`)
        .join('\n')
      const next = logCommand(nameOf(spec.name))
      throw new LabError(error.message, { why: `its log has\n${log}`, next, cause: error })
    })
  }

  async function ensure(spec: ContainerSpec): Promise<boolean> {
    ensureLabDirs(lab)
    const args = runArgs(lab, spec, { image: imageOf(lab, spec.image), user: await containerUser() })
    const found = await inspectOwn(spec.name)
    const isSame = found?.labels[specLabel] === specDigest(args)
    if (found !== undefined && isSame && found.isRunning && found.restarts === 0) {
      await waitUntilReady(spec)
      return false
    }
    // A stopped one is started again and keeps its data, LGTM its series. That also resets its number of restarts.
    if (found !== undefined && isSame) {
      await docker(['container', 'restart', '-t', '8', nameOf(spec.name)])
    } else {
      await stop(spec.name)
      if (spec.volumeAt !== undefined) await ensureVolume(spec.name)
      try {
        await docker(args)
      } catch (error) {
        // The engine leaves a container whose port is in use.
        await docker(['container', 'rm', '--force', '--volumes', nameOf(spec.name)], { nothrow: true })
        throw error
      }
    }
    await waitUntilReady(spec)
    return true
  }

  async function signal(name: string, signalName: NodeJS.Signals): Promise<boolean> {
    const found = await inspectOwn(name)
    if (found?.isRunning !== true) return false
    return (
      (await docker(['container', 'kill', `--signal=${signalName}`, nameOf(name)], { nothrow: true })).exitCode === 0
    )
  }

  return { ensure, stop, state, signal }
}
