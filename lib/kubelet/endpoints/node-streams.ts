import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout } from 'node:timers/promises'
import { fields } from '../../kube/json.ts'
import type { NodeEntry, StatsStore } from '../store/stats-store.ts'
import { type ContainerLog, type ContainerRun, containerLog, containerRun } from './container-log.ts'
import { type Answer, decoded, TEXT_TYPE, writeAnswer } from './http-answer.ts'

/** A request to a node's kubelet: `url` is the path of a kubelet with its query. */
export interface NodeRequest {
  node: string
  url: string
  store: StatsStore
}

/** What `kubectl logs` can ask for (PodLogOptions). */
interface LogOptions {
  follow: boolean
  previous: boolean
  timestamps: boolean
  stream: string
  tailLines?: number | undefined
  sinceMs?: number | undefined
  limitBytes?: number | undefined
}

type Refusal = readonly [status: number, body: string]

/** Commands and connections of a container, which a simulated one does not have. */
const PROCESS_PATHS: Readonly<Record<string, string>> = {
  exec: 'exec in',
  attach: 'attach to',
  portForward: 'forward a port to',
  run: 'run a command in',
}
const NOT_FOUND: Refusal = [404, '404: Page Not Found']
const NO_STREAM = 'you must specify at least 1 of stdin, stdout, stderr'
const FOLLOW_MS = 1_000
const CHUNK_CHARACTERS = 65_536
/** A kubelet shows the newest file of a log only, of 10 MiB. */
const MAX_LINES = 100_000

/**
 * Answers `/containerLogs/<namespace>/<pod>/<container>` of a node's kubelet, and refuses commands that ask for no upgrade. Returns false, and does nothing, for other paths.
 */
export function answerStream(request: IncomingMessage, response: ServerResponse, to: NodeRequest): boolean {
  const { kind, names, query } = parsed(to.url)
  const answer =
    kind === 'containerLogs' && request.method === 'GET'
      ? containerLogs(names, query, to)
      : Object.hasOwn(PROCESS_PATHS, kind)
        ? refusal(parsed(to.url), to)
        : undefined
  if (answer === undefined) return false
  if (!(answer instanceof Readable)) {
    const [status, body] = answer
    writeAnswer(request, response, { status, body })
    return true
  }
  // An unread body would block the connection.
  request.resume()
  response.writeHead(200, { 'content-type': TEXT_TYPE }).flushHeaders()
  // A client that goes away is no error.
  pipeline(answer, response).catch(() => response.destroy())
  return true
}

/** The answer to a request for an upgrade: refuses exec, attach and port forwarding, with an error that kubectl shows. Others are not found. */
export function upgradeAnswer(to: NodeRequest): Answer {
  const request = parsed(to.url)
  const [status, body] = Object.hasOwn(PROCESS_PATHS, request.kind) ? refusal(request, to) : NOT_FOUND
  return { status, body }
}

function parsed(url: string) {
  const [path = ''] = url.split('?', 1)
  const [, kind = '', ...names] = path.split('/')
  return { kind, names: names.map(decoded), query: new URLSearchParams(url.slice(path.length)) }
}

/** Namespace, pod and container; exec, attach and run may have the pod's UID before the container, port forwarding instead of it. */
function refusal({ kind, names, query }: ReturnType<typeof parsed>, { node, store }: NodeRequest): Refusal {
  const [namespace = '', podName = '', ...rest] = names
  if (rest.length > 2 || (rest.length === 0 && kind !== 'portForward')) return NOT_FOUND
  const hasStream = ['input', 'output', 'error'].some(name => query.has(name))
  if ((kind === 'exec' || kind === 'attach') && !hasStream) return [400, NO_STREAM]
  const pod = podOf(store.node(node), namespace, podName)
  if (pod === undefined) return [404, 'pod does not exist']
  const container = kind === 'portForward' ? undefined : rest.at(-1)
  const uid = kind === 'portForward' || rest.length === 2 ? rest[0] : undefined
  if (uid !== undefined && uid !== pod.facts.uid) return [404, 'pod not found']
  const isRunning = pod.facts.containers.some(each => each.name === container && each.running)
  if (container !== undefined && !isRunning) return [500, `container not found ("${container}")`]
  const what = `${container === undefined ? '' : `container "${container}" of `}pod "${podName}"`
  return [500, `cannot ${PROCESS_PATHS[kind]} ${what}: it is simulated and runs no process`]
}

function containerLogs(names: string[], query: URLSearchParams, { node, store }: NodeRequest): Refusal | Readable {
  const [namespace = '', podName = '', containerName = '', ...rest] = names
  if (containerName === '' || rest.length > 0) return NOT_FOUND
  const options = logOptions(query, store.now())
  if (typeof options === 'string') return [options === INVALID ? 422 : 400, `{"message": "${options}"}`]
  const read = (): ContainerRun | string | undefined => {
    const entry = podOf(store.node(node), namespace, podName)
    if (entry === undefined) return undefined
    const pod = fields(JSON.parse(entry.facts.json.toString()))
    return containerRun(pod, containerName, options.previous ? 'previous' : 'current')
  }
  if (podOf(store.node(node), namespace, podName) === undefined) return [404, `pod "${podName}" does not exist`]
  const run = read()
  if (run === undefined) return [404, `container "${containerName}" not found in pod "${podName}"`]
  if (typeof run === 'string') return [400, run]
  return Readable.from(logChunks(run, options, read, store.now))
}

async function* logChunks(
  first: ContainerRun,
  options: LogOptions,
  read: () => ContainerRun | string | undefined,
  now: () => number,
): AsyncGenerator<string> {
  let run = first
  let left = options.limitBytes ?? Number.POSITIVE_INFINITY
  let index: number | undefined
  for (;;) {
    const log = containerLog(run, now())
    index ??= Math.max(
      log.length - Math.min(options.tailLines ?? MAX_LINES, MAX_LINES),
      firstSince(log, options.sinceMs ?? 0),
    )
    let chunk = ''
    for (; index < log.length; index++) {
      const { timeMs, stream, text } = log.line(index)
      if (timeMs < (options.sinceMs ?? 0) || (options.stream !== 'All' && options.stream !== stream)) continue
      const line = options.timestamps ? `${nanoTime(timeMs)} ${text}\n` : `${text}\n`
      const bytes = Buffer.from(line)
      chunk += bytes.length > left ? bytes.subarray(0, left).toString() : line
      left -= bytes.length
      if (left <= 0) {
        yield chunk
        return
      }
      if (chunk.length < CHUNK_CHARACTERS) continue
      yield chunk
      chunk = ''
    }
    if (chunk !== '') yield chunk
    if (!options.follow || run.end !== undefined) return
    await setTimeout(FOLLOW_MS, undefined, { ref: false })
    const latest = read()
    // After a restart the log is another one.
    if (typeof latest !== 'object' || latest.seed !== run.seed) return
    run = latest
  }
}

/** The first line since a time; the length of the log if there is none. */
function firstSince(log: ContainerLog, sinceMs: number): number {
  let [from, to] = [0, log.length]
  while (from < to) {
    const middle = Math.floor((from + to) / 2)
    if (log.line(middle).timeMs < sinceMs) from = middle + 1
    else to = middle
  }
  return from
}

const INVALID = 'Invalid request.'
const UNDECODABLE = 'Unable to decode query.'

/** Log options, or the kubelet's words for wrong ones. */
function logOptions(query: URLSearchParams, nowMs: number): LogOptions | typeof INVALID | typeof UNDECODABLE {
  const flag = (name: string) => query.has(name) && !['false', '0'].includes(query.get(name)?.toLowerCase() ?? '')
  const number = (name: string) => (query.has(name) ? wholeNumber(query.get(name) ?? '') : undefined)
  // An old name: "all" is no limit.
  const tail = query.get('tail') ?? undefined
  const tailLines =
    tail === undefined || tail === '' ? number('tailLines') : tail === 'all' ? undefined : wholeNumber(tail)
  const [sinceSeconds, limitBytes] = [number('sinceSeconds'), number('limitBytes')]
  const sinceTime = query.has('sinceTime') ? Date.parse(query.get('sinceTime') ?? '') : undefined
  if ([tailLines, sinceSeconds, limitBytes, sinceTime].some(Number.isNaN)) return UNDECODABLE
  const stream = query.get('stream') ?? 'All'
  const isInvalid =
    (tailLines ?? 0) < 0 ||
    (limitBytes ?? 1) < 1 ||
    (sinceSeconds ?? 1) < 1 ||
    (sinceSeconds !== undefined && sinceTime !== undefined) ||
    !['All', 'Stdout', 'Stderr'].includes(stream) ||
    (stream !== 'All' && tailLines !== undefined)
  if (isInvalid) return INVALID
  return {
    follow: flag('follow'),
    previous: flag('previous'),
    timestamps: flag('timestamps'),
    stream,
    tailLines,
    sinceMs: sinceSeconds === undefined ? sinceTime : nowMs - 1_000 * sinceSeconds,
    limitBytes,
  }
}

function wholeNumber(digits: string): number {
  return /^[+-]?\d+$/.test(digits) ? Number(digits) : Number.NaN
}

function podOf(entry: NodeEntry | undefined, namespace: string, name: string) {
  if (entry === undefined) return undefined
  for (const pod of entry.pods.values()) if (pod.facts.name === name && pod.facts.namespace === namespace) return pod
  return undefined
}

/** RFC 3339 with nine digits, as a kubelet has it. */
function nanoTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}000000Z`
}
