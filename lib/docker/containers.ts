import { fields, text } from '../kube/json.ts'
import { docker } from './engine.ts'

/** One container, as the engine reports it. */
export interface ContainerState {
  isRunning: boolean
  pid: number
  /** How often the engine has restarted it since it was created, or last started by a command. */
  restarts: number
  /** RFC 3339. */
  startedAt: string
  labels: Readonly<Record<string, unknown>>
}

/** A container by name; undefined when it does not exist. Throws a LabError when no engine answers. */
export async function inspectContainer(name: string): Promise<ContainerState | undefined> {
  const format = '{{json .}}'
  const answer = await docker(['container', 'inspect', '--format', format, name], { nothrow: true, timeoutMs: 30_000 })
  if (answer.exitCode !== 0) {
    if (/no such container/i.test(answer.stderr)) return undefined
    // Throws when the engine does not answer.
    await docker(['version', '--format', '{{.Server.Version}}'])
    return undefined
  }
  const container = fields(JSON.parse(answer.stdout))
  const state = fields(container['State'])
  return {
    isRunning: state['Running'] === true && state['Restarting'] !== true,
    pid: Number(state['Pid'] ?? 0),
    restarts: Number(container['RestartCount'] ?? 0),
    startedAt: text(state['StartedAt']) ?? '',
    labels: fields(fields(container['Config'])['Labels']),
  }
}

/** The log of a container since a time (RFC 3339), or its last lines. Empty when the container does not exist. */
export async function containerLog(name: string, choice: { since?: string; tail?: number } = {}): Promise<string> {
  const args = [
    ...(choice.since === undefined ? [] : ['--since', choice.since]),
    ...(choice.tail === undefined ? [] : ['--tail', String(choice.tail)]),
  ]
  const { stdout, stderr, exitCode } = await docker(['container', 'logs', ...args, name], { nothrow: true })
  return exitCode === 0 ? `${stdout}${stderr}` : ''
}

/** The command that shows a container's log. */
export function logCommand(name: string): string {
  return `docker logs ${name}`
}

/** The memory of containers by name, in bytes. The engine takes a second or two to answer. */
export async function containerMemory(names: readonly string[]): Promise<Map<string, number>> {
  if (names.length === 0) return new Map()
  const { stdout } = await docker(['stats', '--no-stream', '--format', '{{json .}}', ...names], { nothrow: true })
  const found = new Map<string, number>()
  for (const line of stdout.split('\n')) {
    if (line.trim() === '') continue
    const { Name, MemUsage } = fields(JSON.parse(line))
    const bytes = memoryBytes(String(MemUsage).split('/')[0] ?? '')
    if (bytes !== undefined) found.set(String(Name), bytes)
  }
  return found
}

/** `123.4MiB` in bytes. */
export function memoryBytes(text: string): number | undefined {
  const [, count, unit = ''] = /^\s*([\d.]+)\s*([KMGT]i?)?B\s*$/i.exec(text) ?? []
  if (count === undefined) return undefined
  const power = ['', 'K', 'M', 'G', 'T'].indexOf(unit.slice(0, 1).toUpperCase())
  return Math.round(Number(count) * (unit.endsWith('i') ? 1024 : 1000) ** power)
}

/** Whether an address, `host:port`, accepts connections from within a container that has Node.js. */
export async function acceptsFrom(container: string, address: string): Promise<boolean> {
  const [host = '', port = ''] = address.split(':')
  const code =
    'const s = require("net").connect({ host: process.argv[1], port: Number(process.argv[2]) });' +
    's.setTimeout(2000, () => process.exit(1)); s.once("connect", () => process.exit(0)); s.once("error", () => process.exit(1))'
  const { exitCode } = await docker(['container', 'exec', container, 'node', '-e', code, host, port], {
    nothrow: true,
    timeoutMs: 10_000,
  })
  return exitCode === 0
}
