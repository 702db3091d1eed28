import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import {
  type ConnectProxyOptions,
  createConnectProxy,
  dialTcp,
  dialThrough,
  Refusal,
} from '../../../../lib/kubelet/gateway/connect-proxy.ts'
import { until } from '../../../support/temp-lab.ts'

interface Context {
  /** A server that returns what it receives, and then ends. */
  echo: Server
  port: number
  closing: (() => void)[]
}

const LOOPBACK = [{ address: '127.0.0.1', family: 4 }]
const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n'

const proxy = suite<Context>('createConnectProxy()')
proxy.before(async context => {
  context.closing = []
  context.echo = createServer({ allowHalfOpen: true }, socket => {
    socket.on('error', () => {})
    socket.pipe(socket)
  })
  context.port = await listening(context.echo)
})
proxy.after(({ echo, closing }) => {
  for (const close of closing) close()
  echo.close()
})

async function listening(server: Server, where: { port: number } | { path: string } = { port: 0 }): Promise<number> {
  server.listen('port' in where ? { ...where, host: '127.0.0.1' } : where)
  await once(server, 'listening')
  const bound = server.address() as AddressInfo | null
  return bound?.port ?? 0
}

/** A proxy on a free port or at a path, with what it counted. */
async function started(context: Context, options: Partial<ConnectProxyOptions> = {}, path?: string) {
  const counted: string[] = []
  let open = 0
  const server = createConnectProxy({
    dial: asked => dialTcp(asked, LOOPBACK),
    answer: (_, response) => response.writeHead(405).end(),
    onTunnel: change => {
      open += change === 'open' ? 1 : -1
    },
    onRefusal: reason => counted.push(reason),
    ...options,
  })
  const port = await listening(server, path === undefined ? { port: 0 } : { path })
  context.closing.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port, counted, open: () => open }
}

/** All that arrives until the connection is closed. */
async function read(socket: Socket): Promise<string> {
  let text = ''
  socket.on('data', chunk => {
    text += chunk
  })
  socket.on('error', () => {})
  await once(socket, 'close')
  return text
}

async function converse(port: number, text: string, { end = false } = {}): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  if (end) socket.end(text)
  else socket.write(text)
  socket.once('end', () => socket.end())
  return await read(socket)
}

proxy('copies both ways, also what came with the request, until both ends have finished', async context => {
  const { port, open } = await started(context)
  const text = await converse(port, `CONNECT 127.0.0.1:${context.port} HTTP/1.1\r\n\r\nhello`, { end: true })
  assert.equal(text, `${ESTABLISHED}hello`)
  await until('no tunnel is left', () => open() === 0)
})

proxy('carries megabytes', async context => {
  const { port } = await started(context)
  const body = 'x'.repeat(8 * 2 ** 20)
  const text = await converse(port, `CONNECT 127.0.0.1:${context.port} HTTP/1.1\r\n\r\n${body}`, { end: true })
  assert.equal(text.length, ESTABLISHED.length + body.length)
})

proxy('refuses invalid destinations, garbage and large headers with a status', async context => {
  const { port, counted } = await started(context)
  for (const [request, status] of [
    ['CONNECT 127.0.0.1 HTTP/1.1\r\n\r\n', 400],
    ['CONNECT 127.0.0.1:0 HTTP/1.1\r\n\r\n', 400],
    ['CONNECT 127.0.0.1:99999 HTTP/1.1\r\n\r\n', 400],
    ['CONNECT http://127.0.0.1:80/ HTTP/1.1\r\n\r\n', 400],
    ['\x16\x03\x01\x02\x00\x01\x00', 400],
    [`CONNECT a:1 HTTP/1.1\r\nx: ${'x'.repeat(9_000)}\r\n\r\n`, 431],
    ['GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 405],
  ] as const) {
    const text = await converse(port, request)
    assert.equal(Number(text.split(' ')[1]), status, `${JSON.stringify(request.slice(0, 60))}: ${text}`)
  }
  assert.deepEqual(counted, Array(6).fill('malformed'))
})

proxy('gives the reason of a refusal in the status line', async context => {
  const dial = () => Promise.reject(new Refusal(403, 'forbidden', 'Forbidden: only \n nodes'))
  const { port, counted } = await started(context, { dial })
  const text = await converse(port, 'CONNECT 10.0.0.1:22 HTTP/1.1\r\n\r\n')
  assert.match(text, /^HTTP\/1\.1 403 Forbidden: only \? nodes\r\n/)
  assert.deepEqual(counted, ['forbidden'])
})

proxy('answers 502 for an address without a server', async context => {
  const { port, counted } = await started(context)
  const free = createServer()
  const closed = await listening(free)
  free.close()
  assert.match(await converse(port, `CONNECT localhost:${closed} HTTP/1.1\r\n\r\n`), /^HTTP\/1\.1 502 .*ECONNREFUSED/)
  assert.deepEqual(counted, ['unreachable'])
})

proxy('closes connections that send their headers slowly or not at all', async context => {
  const { port, counted } = await started(context, { limits: { headersMs: 200 } })
  const [slow, silent] = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')]
  slow.write('CONNECT 127.0.0.1:1 HTTP/1.1\r\n')
  const timer = setInterval(() => slow.write('x: y\r\n'), 50)
  const texts = await Promise.all([read(slow), read(silent)]).finally(() => clearInterval(timer))
  assert.match(texts[0] ?? '', /^HTTP\/1\.1 408 /)
  assert.deepEqual(counted, ['slow', 'slow'])
})

proxy('limits the number of connections', async context => {
  const { port, counted } = await started(context, { limits: { connections: 1 } })
  const first = connect(port, '127.0.0.1')
  await once(first, 'connect')
  const dropped = connect(port, '127.0.0.1')
  assert.equal(await read(dropped), '')
  first.destroy()
  assert.deepEqual(counted, ['limit'])
})

proxy('closes idle tunnels, and half-open ones earlier', async context => {
  const silent = createServer({ allowHalfOpen: true }, socket => socket.on('error', () => {}).resume())
  const silentPort = await listening(silent)
  const request = `CONNECT 127.0.0.1:${silentPort} HTTP/1.1\r\n\r\n`
  for (const [limits, end] of [
    [{ idleMs: 100, halfOpenMs: 600_000 }, false],
    [{ idleMs: 600_000, halfOpenMs: 100 }, true],
  ] as const) {
    const { port, open } = await started(context, { limits })
    const startedMs = Date.now()
    assert.match(await converse(port, request, { end }), /^HTTP\/1\.1 200 /)
    assert(Date.now() - startedMs < 60_000, 'the tunnel stays open')
    await until('no tunnel is left', () => open() === 0)
  }
  silent.close()
})

proxy('sends a CONNECT on to another proxy, and passes its refusal on', async context => {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-'))
  const path = join(folder, 'kubelets.sock')
  try {
    const { port, counted } = await started(context, { dial: asked => dialThrough(path, asked) })
    const ask = async (to: number) => await converse(port, `CONNECT 127.0.0.1:${to} HTTP/1.1\r\n\r\n!`, { end: true })
    assert.match(await ask(context.port), /^HTTP\/1\.1 502 the stats proxy does not answer: .*ENOENT/)
    const dial = (asked: { host: string; port: number }) =>
      asked.port === context.port
        ? dialTcp(asked, LOOPBACK)
        : Promise.reject(new Refusal(502, 'unknown', 'no node 127.0.0.1'))
    await started(context, { dial }, path)
    assert.equal(await ask(context.port), `${ESTABLISHED}!`)
    assert.match(await ask(1), /^HTTP\/1\.1 502 no node 127\.0\.0\.1\r\n/)
    assert.deepEqual(counted, ['no-stats-proxy', 'stats-proxy'])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

proxy.run()
