import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { merged } from '../kube/json.ts'
import { type Lab, projectDir } from '../lab/lab.ts'
import { answersAt, defineService } from './define-service.ts'

const CONFIG_FILE = 'jaeger.yaml'

/** Jaeger, which keeps the newest traces in memory. In the Docker runtime Tempo does, and Jaeger runs only with JAEGER=true. */
export const jaeger = defineService({
  name: 'jaeger',
  isWanted: (lab, kind) => kind === 'process' || lab.settings.jaeger === 'true',
  ports: ['jaegerPort', 'jaegerOtlpPort'],
  published: ['jaegerPort'],
  ...answersAt(lab => `${jaegerUrl(lab)}/api/services`),
  run(_, place) {
    const contents = jaegerConfig(readFileSync(join(projectDir, 'kwok-config', CONFIG_FILE), 'utf8'), {
      queryAddress: `${place.host}:${place.port('jaegerPort')}`,
      otlpAddress: `${place.host}:${place.port('jaegerOtlpPort')}`,
    })
    return {
      args: [`--config=${place.write(CONFIG_FILE, contents)}`],
      contents,
      // Without this, Jaeger sends spans of its own API to port 4317 of this machine.
      env: { OTEL_TRACES_SAMPLER: 'always_off' },
    }
  },
})

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
