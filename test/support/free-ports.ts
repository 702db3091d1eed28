import { variableOf } from '../../lib/cli/settings.ts'
import { isPortFree, type PortSetting, portSettings } from '../../lib/system/ports.ts'

const PORTS_OF_SLOT = 2_100
const firstOfSlot = 20_000 + PORTS_OF_SLOT * Number(process.env['TEST_SLOT'] ?? 0)
let offset = Math.floor(Math.random() * PORTS_OF_SLOT)

/**
 * A port of 127.0.0.1 that is free, and that no other program takes until it is used: it is below those that the system gives to clients
 * and those of control planes, another one at each call, and none of a process in another of test/run.ts's slots.
 */
export async function freePort(): Promise<number> {
  const port = firstOfSlot + (offset++ % PORTS_OF_SLOT)
  return (await isPortFree(port)) ? port : await freePort()
}

/** Such a port for each setting. */
export async function freePorts(): Promise<Record<PortSetting, number>> {
  const entries = await Promise.all(portSettings.map(async setting => [setting, await freePort()] as const))
  return Object.fromEntries(entries) as Record<PortSetting, number>
}

/** Environment variables that set these ports. */
export function portVariables(ports: Readonly<Record<PortSetting, number>>): Record<string, string> {
  return Object.fromEntries(portSettings.map(setting => [variableOf(setting), String(ports[setting])]))
}
