import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { LabError, systemErrorCode } from '../cli/errors.ts'
import { type SettingName, type Settings, variableOf } from '../cli/settings.ts'
import { run } from './run.ts'

/** The ports on which the services of `make kwok` listen. */
export const portSettings = [
  'prometheusPort',
  'otlpGrpcPort',
  'otlpHttpPort',
  'statsProxyPort',
  'kubeletProxyPort',
  'jaegerPort',
  'jaegerOtlpPort',
  'metricsServerPort',
  'kubeStateMetricsPort',
  'kubeStateMetricsTelemetryPort',
  'alertmanagerPort',
  'grafanaPort',
] as const satisfies SettingName[]
export type PortSetting = (typeof portSettings)[number]

/** Whether the port of 127.0.0.1 is free now. Throws a LabError for a privileged port. */
export async function isPortFree(port: number): Promise<boolean> {
  const server = createServer()
  return await new Promise((resolve, reject) => {
    server.once('error', error => {
      if (systemErrorCode(error) !== 'EACCES') return resolve(false)
      reject(new LabError(`Cannot use port ${port}`, { why: 'permission denied', next: 'set a port above 1023' }))
    })
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}

/** A port of 127.0.0.1 that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

/** Whether a port of this machine accepts connections. */
export async function acceptsConnections(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' })
  const isConnected = once(socket, 'connect', { signal: AbortSignal.timeout(1_000) }).then(
    () => true,
    () => false,
  )
  return await isConnected.finally(() => socket.destroy())
}

/** The program that listens on a port, as `lsof` or `ss` reports it: `prometheus (pid 4711)`, else `another program`. */
export async function describePortHolder(port: number): Promise<string> {
  const lsof = await run('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'], { nothrow: true })
  const [, pid, name] = /^p(\d+)\n(?:[^c].*\n)*c(.+)$/m.exec(lsof.stdout) ?? []
  if (pid !== undefined) return `${name} (pid ${pid})`
  const ss = await run('ss', ['-Hltnp', `sport = :${port}`], { nothrow: true })
  const [, ssName, ssPid] = /\(\("([^"]+)",pid=(\d+)/.exec(ss.stdout) ?? []
  return ssPid === undefined ? 'another program' : `${ssName} (pid ${ssPid})`
}

/**
 * Checks that the ports are free and that no two settings are the same port.
 *
 * Throws a LabError with all ports that are in use, the programs that use them, and the settings to change.
 */
export async function requireFreePorts(settings: Settings, names: readonly PortSetting[]): Promise<void> {
  const variables = new Map<number, string>()
  const used: { port: number; variable: string; holder: string }[] = []
  for (const name of names) {
    const port = settings[name]
    const variable = variableOf(name)
    const other = variables.get(port)
    if (other !== undefined) {
      throw new LabError(`${variable} and ${other} are both ${port}`, { next: `set ${variable} to another port` })
    }
    variables.set(port, variable)
    if (!(await isPortFree(port))) used.push({ port, variable, holder: await describePortHolder(port) })
  }
  if (used.length === 0) return
  const [first] = used
  const all = (part: 'port' | 'variable') => used.map(each => each[part]).join(', ')
  if (first !== undefined && used.length === 1) {
    throw new LabError(`Cannot use port ${first.port}`, {
      why: `it is in use by ${first.holder}`,
      next: `set ${first.variable} to a free port, or stop that program`,
    })
  }
  throw new LabError(`Cannot use ports ${all('port')}`, {
    why: used.map(({ port, holder }) => `${port} is in use by ${holder}`).join(', '),
    next: `set ${all('variable')} to free ports, or stop those programs: \`make kwok-down CLUSTER_NAME=<name>\` stops a lab`,
  })
}
