import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { LabError } from '../cli/errors.ts'
import { makeCommand, type SettingName, variableOf } from '../cli/settings.ts'
import { serviceOn } from '../kwok/preflight.ts'
import { type Lab, openLab, projectDir, readRecord } from '../lab/lab.ts'
import { isPortFree, requireFreePorts } from '../system/ports.ts'

/** The settings of ports on this machine, each with its node port of Service lgtm-host. */
export const mappedPorts = [
  ['grafanaPort', 30300],
  ['prometheusPort', 30909],
  ['otlpGrpcPort', 30317],
  ['otlpHttpPort', 30318],
] as const satisfies readonly [SettingName, number][]

/**
 * Checks that LGTM's ports are free on this machine.
 *
 * Throws a LabError. For a port of a KWOK lab of this clone it names the lab and all settings to change.
 */
export async function requireMappedPorts({ settings }: Lab): Promise<void> {
  const names = mappedPorts.map(([name]) => name)
  for (const name of names) {
    const port = settings[name]
    if (await isPortFree(port)) continue
    for (const lab of kwokLabs()) {
      const service = await serviceOn(lab, port)
      if (service === undefined) continue
      const { clusterName } = lab.settings
      throw new LabError(`Cannot use port ${port}`, {
        why: `${service} of the KWOK lab "${clusterName}" uses it`,
        next: `set ${names.map(variableOf).join(', ')} to other ports, or ${makeCommand('kwok-down', clusterName)}`,
      })
    }
  }
  await requireFreePorts(settings, names)
}

/** The KWOK labs of this clone. */
function kwokLabs(): Lab[] {
  const parent = join(projectDir, '.lab')
  if (!existsSync(parent)) return []
  const folders = readdirSync(parent, { withFileTypes: true }).filter(entry => entry.isDirectory())
  // The folder of a context has an underscore, which the name of a cluster cannot have.
  const names = folders.map(({ name }) => name).filter(name => !name.includes('_'))
  return names
    .filter(name => readRecord(join(parent, name)) !== undefined)
    .map(clusterName => openLab({ flags: { clusterName }, env: {} }))
}
