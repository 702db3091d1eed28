import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { LabError } from '../cli/errors.ts'
import { fields, items, text } from '../kube/json.ts'
import { addressesOf, insidePorts } from '../lab/addresses.ts'
import { type Lab, projectDir, writeFileAtomically } from '../lab/lab.ts'
import { runtimeOf } from '../lab/runtime.ts'
import { programPath } from '../programs/programs.ts'
import type { ContainerSpec } from './container-spec.ts'
import { containerDir, insideDir, writeForContainer } from './container-user.ts'
import type { ServiceSpec } from './process-services.ts'

/** A Jaeger configuration: the base with its addresses, `host:port` each. */
export function jaegerConfig(base: string, given: { queryAddress: string; otlpAddress: string }): string {
  const config = parse(base) as Record<string, unknown>
  const extensions = fields(config['extensions'])
  const query = { endpoint: given.queryAddress }
  return stringify(
    {
      ...config,
      extensions: { ...extensions, jaeger_query: { ...fields(extensions['jaeger_query']), http: query, grpc: query } },
      receivers: { otlp: { protocols: { grpc: { endpoint: given.otlpAddress } } } },
    },
    // The address twice, not a reference to the first: people read this file.
    { aliasDuplicateObjects: false },
  )
}

/** Whether the lab is to have a Jaeger. */
export function wantsJaeger(lab: Lab): boolean {
  return lab.settings.jaeger === 'true' || runtimeOf(lab) === 'binary'
}

/** Writes the configuration of the lab's Jaeger. */
export function writeJaegerConfig(lab: Lab): void {
  const base = readFileSync(join(projectDir, 'kwok-config', 'jaeger.yaml'), 'utf8')
  if (runtimeOf(lab) === 'docker') {
    const inside = { queryAddress: `0.0.0.0:${insidePorts.jaeger}`, otlpAddress: `0.0.0.0:${insidePorts.otlpGrpc}` }
    writeForContainer(lab, 'jaeger', 'jaeger.yaml', jaegerConfig(base, inside))
    return
  }
  const queryAddress = `127.0.0.1:${lab.settings.jaegerPort}`
  writeFileAtomically(configPath(lab), jaegerConfig(base, { queryAddress, otlpAddress: addressesOf(lab).jaegerOtlp }))
}

/** How the lab's Jaeger is started. */
export async function jaegerService(lab: Lab): Promise<ServiceSpec | ContainerSpec> {
  const shared = {
    name: 'jaeger',
    // It would send spans of its own API to port 4317 of this machine, whoever listens there.
    env: { OTEL_TRACES_SAMPLER: 'always_off' },
    ready: async () => {
      const answer = await fetch(`${jaegerUrl(lab)}/api/services`, { signal: AbortSignal.timeout(2_000) }).catch(
        () => undefined,
      )
      return answer?.ok === true
    },
  } as const
  if (runtimeOf(lab) === 'binary') {
    return { ...shared, command: await programPath('jaeger'), args: [`--config=${configPath(lab)}`] }
  }
  return {
    ...shared,
    image: 'jaeger',
    args: [`--config=${insideDir}/jaeger.yaml`],
    mounts: [{ from: containerDir(lab, 'jaeger'), to: insideDir }],
    ports: [[lab.settings.jaegerPort, insidePorts.jaeger]],
  }
}

export function jaegerUrl(lab: Lab): string {
  return `http://127.0.0.1:${lab.settings.jaegerPort}`
}

/** Whether the lab has a Jaeger, up or down. */
export function hasJaeger(lab: Lab): boolean {
  return existsSync(configPath(lab))
}

/** A span as Jaeger's API gives it, with the tags of its process (the resource) beside its own. */
export interface JaegerSpan {
  traceId: string
  spanId: string
  /** The span it is a child of; undefined for the first of a trace. */
  parentId: string | undefined
  service: string
  name: string
  /** Epoch. */
  startMicros: number
  durationMicros: number
  /** Values as texts: `span.kind`, `error`, `http.response.status_code`. */
  tags: Readonly<Record<string, string>>
  /** `k8s.pod.name`, `k8s.node.name`, ... */
  resource: Readonly<Record<string, string>>
}

/** The services that Jaeger has spans of. Throws a LabError when it can't be asked. */
export async function jaegerServices(baseUrl: string): Promise<string[]> {
  return items(fields(await get(`${baseUrl}/api/services`))['data']).filter(each => typeof each === 'string')
}

/**
 * The newest traces that a service takes part in, each as its spans: of so long back, or of a time range (epoch).
 *
 * Throws a LabError when Jaeger can't be asked.
 */
export async function jaegerTraces(
  baseUrl: string,
  service: string,
  {
    limit = 20,
    lookback = '1h',
    range,
  }: { limit?: number; lookback?: string; range?: { fromMs: number; untilMs: number } } = {},
): Promise<JaegerSpan[][]> {
  const micros = (timeMs: number) => String(Math.round(timeMs * 1_000))
  const when = range === undefined ? { lookback } : { start: micros(range.fromMs), end: micros(range.untilMs) }
  const parameters = new URLSearchParams({ service, limit: String(limit), ...when })
  const { data } = fields(await get(`${baseUrl}/api/traces?${parameters}`))
  return items(data).map(trace => {
    const processes = fields(fields(trace)['processes'])
    return items(fields(trace)['spans']).map(raw => spanOf(fields(raw), processes))
  })
}

function spanOf(span: Record<string, unknown>, processes: Record<string, unknown>): JaegerSpan {
  const process = fields(processes[text(span['processID']) ?? ''])
  const parent = items(span['references'])
    .map(fields)
    .find(each => each['refType'] === 'CHILD_OF')
  return {
    traceId: text(span['traceID']) ?? '',
    spanId: text(span['spanID']) ?? '',
    parentId: text(parent?.['spanID']),
    service: text(process['serviceName']) ?? '',
    name: text(span['operationName']) ?? '',
    startMicros: Number(span['startTime']),
    durationMicros: Number(span['duration']),
    tags: tagsOf(span['tags']),
    resource: tagsOf(process['tags']),
  }
}

function tagsOf(tags: unknown): Record<string, string> {
  return Object.fromEntries(items(tags).map(tag => [text(fields(tag)['key']) ?? '', String(fields(tag)['value'])]))
}

async function get(url: string): Promise<unknown> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(30_000) })
    if (!answer.ok) throw new Error(`it answers ${answer.status} ${(await answer.text()).slice(0, 200)}`)
    return await answer.json()
  } catch (error) {
    const reason = error instanceof Error && error.cause instanceof Error ? error.cause : error
    const why = reason instanceof Error ? reason.message : String(reason)
    throw new LabError(`Cannot ask Jaeger at ${new URL(url).origin}`, { why, next: 'make kwok-status', cause: error })
  }
}

function configPath(lab: Lab): string {
  return join(runtimeOf(lab) === 'docker' ? join(lab.dir, 'containers', 'jaeger') : lab.configDir, 'jaeger.yaml')
}
