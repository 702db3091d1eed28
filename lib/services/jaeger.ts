import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { merged } from '../kube/json.ts'
import { addressesOf, insidePorts } from '../lab/addresses.ts'
import { type Lab, projectDir, writeFileAtomically } from '../lab/lab.ts'
import { programPath } from '../programs/programs.ts'
import { isOk, probe } from '../system/probe.ts'
import { containerDir, insideDir, writeForContainer } from './container-user.ts'
import type { Service } from './service.ts'

const CONFIG_FILE = 'jaeger.yaml'

/** What both runtimes share. Without the sampler, Jaeger sends spans of its own API to port 4317 of this machine. */
const shared = (lab: Lab) => ({
  name: 'jaeger',
  env: { OTEL_TRACES_SAMPLER: 'always_off' },
  ready: () => isOk(servicesUrl(lab)),
})
const probeService = async (lab: Lab) => await probe({ url: servicesUrl(lab) })

/** Jaeger, which keeps the newest traces in memory. In the Docker runtime Tempo does, and Jaeger runs only with JAEGER=true. */
export const jaeger = {
  name: 'jaeger',
  process: {
    ports: ['jaegerPort', 'jaegerOtlpPort'],
    probe: probeService,
    spec: async lab => {
      const path = join(lab.configDir, CONFIG_FILE)
      const queryAddress = `127.0.0.1:${lab.settings.jaegerPort}`
      writeFileAtomically(path, jaegerConfig(baseConfig(), { queryAddress, otlpAddress: addressesOf(lab).jaegerOtlp }))
      return { ...shared(lab), command: await programPath('jaeger'), args: [`--config=${path}`] }
    },
  },
  container: {
    isWanted: lab => lab.settings.jaeger === 'true',
    ports: ['jaegerPort'],
    probe: probeService,
    spec: lab => {
      const inside = {
        queryAddress: `0.0.0.0:${insidePorts.jaegerPort}`,
        otlpAddress: `0.0.0.0:${insidePorts.jaegerOtlpPort}`,
      }
      writeForContainer(lab, 'jaeger', CONFIG_FILE, jaegerConfig(baseConfig(), inside))
      return {
        ...shared(lab),
        image: 'jaeger',
        args: [`--config=${insideDir}/${CONFIG_FILE}`],
        mounts: [{ from: containerDir(lab, 'jaeger'), to: insideDir }],
        ports: ['jaegerPort'],
      }
    },
  },
} as const satisfies Service

/** A Jaeger configuration: the base with its addresses, `host:port` each. */
export function jaegerConfig(base: string, given: { queryAddress: string; otlpAddress: string }): string {
  const changes = {
    extensions: { jaeger_query: { http: { endpoint: given.queryAddress } } },
    receivers: { otlp: { protocols: { grpc: { endpoint: given.otlpAddress } } } },
  }
  // No YAML aliases: people read this file.
  return stringify(merged(parse(base), changes), { aliasDuplicateObjects: false })
}

export function jaegerUrl(lab: Lab): string {
  return `http://127.0.0.1:${lab.settings.jaegerPort}`
}

/** Whether the lab has a Jaeger, running or not: its configuration was written. */
export function hasJaeger(lab: Lab): boolean {
  return [lab.configDir, join(lab.dir, 'containers', 'jaeger')].some(dir => existsSync(join(dir, CONFIG_FILE)))
}

function servicesUrl(lab: Lab): string {
  return `${jaegerUrl(lab)}/api/services`
}

function baseConfig(): string {
  return readFileSync(join(projectDir, 'kwok-config', CONFIG_FILE), 'utf8')
}
