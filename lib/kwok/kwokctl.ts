import { join } from 'node:path'
import { LabError } from '../cli/errors.ts'
import { makeCommand } from '../cli/settings.ts'
import type { Lab } from '../lab/lab.ts'
import { programPath } from '../programs/programs.ts'
import { serviceEnvironment } from '../system/environment.ts'
import { run } from '../system/run.ts'

/**
 * The environment of kwokctl and of the components that it starts: that of a service, and the work folder that the lab was created
 * with. Without the user's `KWOK_*` variables, which kwokctl prefers to its configuration file. `runsTools`: with the variables by
 * which docker is found.
 */
export function kwokctlEnv(lab: Lab, env: NodeJS.ProcessEnv, options: { runsTools?: boolean } = {}): NodeJS.ProcessEnv {
  const given = serviceEnvironment(env, options)
  // KWOK_BINARY is a variable of the lab, and one of kwokctl's settings too.
  const kept = Object.entries(given).filter(([name]) => !name.startsWith('KWOK'))
  return { ...Object.fromEntries(kept), KWOK_WORKDIR: lab.kwokWorkdir }
}

/** Runs kwokctl. Throws a LabError with the errors that it logs. */
export async function kwokctl(lab: Lab, args: readonly string[], environment: NodeJS.ProcessEnv): Promise<void> {
  // It runs kubectl, whose cache of the API is in the lab's folder.
  const env = { ...environment, KUBECACHEDIR: join(lab.dir, 'kubectl-cache') }
  const { exitCode, stderr } = await run(await programPath('kwokctl'), args, { env, nothrow: true })
  if (exitCode === 0) return
  throw new LabError(`kwokctl could not ${args[0]} cluster "${lab.settings.clusterName}"`, {
    why: kwokctlError(stderr),
    next: `read the logs in ${join(lab.clusterDir, 'logs')}, then ${makeCommand('kwok-down', lab.settings.clusterName)} and try again`,
  })
}

/** The errors in kwokctl's log, which has one JSON object per line without a terminal. */
export function kwokctlError(stderr: string): string {
  const errors = stderr.split('\n').flatMap(line => {
    try {
      const { level, msg, err } = JSON.parse(line) as { level?: string; msg?: string; err?: string }
      return level === 'ERROR' ? [err === undefined ? `${msg}` : `${msg}: ${err}`] : []
    } catch {
      return line.trim() === '' ? [] : [line.trim()]
    }
  })
  return errors.slice(-5).join('; ') || 'it logged no error'
}
