import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Server } from 'node:net'
import { suite } from 'uvu'
import { openHttpClient, retryAfterMs, SourceUnavailableError } from '../../../lib/programs/http-download.ts'
import { type BinariesOptions, type Context, createContext } from '../../../lib/programs/program-options.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

const client = suite<{ closes: (() => Promise<unknown>)[] }>('openHttpClient()')
client.before.each(context => {
  context.closes = []
})
client.after.each(async ({ closes }) => {
  for (const close of closes) await close()
})

type Closes = (() => Promise<unknown>)[]

/** A server for one test; gives its origin. Each request gets the next of the handlers, and further ones the last. */
async function serve(closes: Closes, ...handlers: Handler[]): Promise<{ origin: string; asked: IncomingMessage[] }> {
  const asked: IncomingMessage[] = []
  const server = createServer((request, response) => {
    const handler = handlers[Math.min(asked.length, handlers.length - 1)]
    asked.push(request)
    handler?.(request, response)
  })
  closes.push(async () => server.closeAllConnections())
  return { origin: await listen(server, closes), asked }
}

async function listen(server: Server, closes: Closes): Promise<string> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  closes.push(() => new Promise(resolve => server.close(resolve)))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const ok: Handler = (_, response) => response.end('the file')
const status =
  (code: number, headers = {}): Handler =>
  (_, response) =>
    response.writeHead(code, headers).end('not the file')

/** Reads a URL as text, with short time limits; gives the text or the failure's message. */
async function read(url: string, options: BinariesOptions = {}, context?: Context): Promise<string> {
  const limits = { connectTimeoutMs: 15_000, stallTimeoutMs: 15_000, retryDelayMs: 10 }
  const http = await openHttpClient(context ?? createContext({ env: {}, ...limits, ...options }))
  try {
    return await http.get(url, async ({ body }) => {
      let text = ''
      for await (const chunk of body) text += Buffer.from(chunk).toString()
      return text
    })
  } catch (error) {
    assert.ok(error instanceof SourceUnavailableError, String(error))
    return error.message
  } finally {
    await http.close()
  }
}

client('follows redirects to another host and to a path', async ({ closes }) => {
  const other = await serve(closes, status(302, { location: '/b' }), ok)
  const { origin } = await serve(closes, status(302, { location: `${other.origin}/a` }))
  assert.equal(await read(`${origin}/file`), 'the file')
  assert.deepEqual(
    other.asked.map(({ url }) => url),
    ['/a', '/b'],
  )
})

client('does not follow redirects without end', async ({ closes }) => {
  const { origin, asked } = await serve(closes, status(302, { location: '/file' }))
  assert.match(await read(`${origin}/file`), /redirects more than 5 times$/)
  assert.equal(asked.length, 6)
})

client('names the host of a redirect that refuses, not the one that redirects', async ({ closes }) => {
  const { origin } = await serve(closes, status(302, { location: 'http://127.0.0.1:9/file' }), ok)
  const context = createContext({ env: {}, retryDelayMs: 10 })
  assert.match(await read(`${origin}/file`, {}, context), /^127\.0\.0\.1:9 can't be reached: .*ECONNREFUSED/)
  assert.deepEqual([...context.unreachable.keys()], ['http://127.0.0.1:9'])
  assert.equal(await read(`${origin}/other`, {}, context), 'the file')
})

for (const code of [500, 502, 503, 504, 408]) {
  client(`tries again after ${code}`, async ({ closes }) => {
    const { origin, asked } = await serve(closes, status(code), ok)
    assert.equal(await read(`${origin}/file`), 'the file')
    assert.equal(asked.length, 2)
  })
}

client('gives a file up after three tries, and its host not', async ({ closes }) => {
  const { origin, asked } = await serve(closes, status(503), status(503), status(503), ok)
  const context = createContext({ env: {}, retryDelayMs: 10 })
  assert.equal(await read(`${origin}/file`, {}, context), `${origin}/file answers 503 (tried 3 times)`)
  assert.equal(await read(`${origin}/other`, {}, context), 'the file')
  assert.equal(asked.length, 4)
})

client('does not retry a 404', async ({ closes }) => {
  const { origin, asked } = await serve(closes, status(404))
  assert.equal(await read(`${origin}/file`), `${origin}/file answers 404`)
  assert.equal(asked.length, 1)
})

client('tries again when a body is cut short, and gives what came whole', async ({ closes }) => {
  const { origin } = await serve(
    closes,
    (_, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('half')
      setTimeout(() => response.destroy(), 30)
    },
    ok,
  )
  assert.equal(await read(`${origin}/file`), 'the file')
})

client('gets past one stall, before the answer or in it', async ({ closes }) => {
  const stalls: Handler[] = [() => {}, (_, response) => void response.writeHead(200).write('half')]
  const readPast = async (stall: Handler) => {
    const { origin } = await serve(closes, stall, ok)
    return await read(`${origin}/file`, { stallTimeoutMs: 1_000 })
  }
  assert.deepEqual(await Promise.all(stalls.map(readPast)), ['the file', 'the file'])
})

client('sends no more requests to a host that stalls in every attempt', async ({ closes }) => {
  const { origin, asked } = await serve(closes, () => {})
  const context = createContext({ env: {}, stallTimeoutMs: 500, retryDelayMs: 10 })
  for (const path of ['a', 'b']) {
    assert.match(await read(`${origin}/${path}`, {}, context), /sent no byte for 0\.5 s \(tried 3 times\)$/)
  }
  assert.equal(asked.length, 3)
})

client('waits for Retry-After if that is short enough', async ({ closes }) => {
  const { origin, asked } = await serve(closes, status(429, { 'retry-after': '1' }), ok)
  const startedMs = Date.now()
  assert.equal(await read(`${origin}/file`), 'the file')
  assert.ok(Date.now() - startedMs >= 950)
  assert.equal(asked.length, 2)
})

client(
  'reports 429, and a 403 with Retry-After, as a rate limit, and sends no more requests to that host',
  async ({ closes }) => {
    for (const code of [429, 403]) {
      const { origin, asked } = await serve(closes, status(code, { 'retry-after': '3600' }))
      const { host } = new URL(origin)
      const context = createContext({ env: {}, retryDelayMs: 10 })
      for (const path of ['a', 'b']) {
        const said = await read(`${origin}/${path}`, {}, context)
        assert.equal(said, `${host} answers ${code}: its rate limit is reached for another 3600 s`)
      }
      assert.equal(asked.length, 1)
    }
  },
)

client('reports that a 403 can be a rate limit', async ({ closes }) => {
  const { origin, asked } = await serve(closes, status(403))
  assert.equal(
    await read(`${origin}/file`),
    `${origin}/file answers 403: a rate limit, a proxy that forbids it, or no such file`,
  )
  assert.equal(asked.length, 1)
})

const api = 'https://api.github.com'

client('names GITHUB_TOKEN when GitHub’s limit is used up, with the time that is left', async ({ closes }) => {
  const reset = Math.floor(Date.now() / 1000) + 1800
  const { origin } = await serve(closes, status(403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset }))
  assert.match(
    await read(`${api}/repos/x`, { origins: { [api]: origin } }),
    /^api\.github\.com answers 403: its rate limit is reached for another 1(800|79\d) s; set GITHUB_TOKEN for a higher limit$/,
  )
})

client('sends GITHUB_TOKEN to api.github.com, and not where that redirects to', async ({ closes }) => {
  const elsewhere = await serve(closes, ok)
  const github = await serve(closes, status(302, { location: `https://elsewhere.example/file` }))
  const origins = { [api]: github.origin, 'https://elsewhere.example': elsewhere.origin }
  const env = { GITHUB_TOKEN: 'secret' }
  assert.equal(await read(`${api}/repos/x`, { origins, env }), 'the file')
  assert.equal(github.asked[0]?.headers.authorization, 'Bearer secret')
  assert.equal(elsewhere.asked[0]?.headers.authorization, undefined)
})

client('sends GITHUB_TOKEN to no other host, github.com included', async ({ closes }) => {
  const { origin, asked } = await serve(closes, ok)
  const env = { GITHUB_TOKEN: 'secret' }
  for (const from of ['https://github.com', 'https://api.github.com.example', 'https://dl.k8s.io']) {
    assert.equal(await read(`${from}/file`, { origins: { [from]: origin }, env }), 'the file')
  }
  assert.deepEqual(
    asked.map(({ headers }) => headers.authorization),
    [undefined, undefined, undefined],
  )
})

client('reports that GitHub refuses the token', async ({ closes }) => {
  const { origin } = await serve(closes, status(401))
  assert.equal(await read(`${api}/repos/x`, { origins: { [api]: origin } }), 'api.github.com refuses GITHUB_TOKEN')
})

client('refuses a redirect from https to http', async ({ closes }) => {
  const { origin } = await serve(closes, status(302, { location: 'http://elsewhere.example/file' }))
  const options = { origins: { 'https://github.com': origin } }
  assert.equal(await read('https://github.com/file', options), 'github.com redirects to an address without TLS')
})

/** A proxy that opens the tunnels it is asked for, and remembers to where. */
async function serveProxy(closes: Closes): Promise<{ origin: string; tunnels: string[] }> {
  const tunnels: string[] = []
  const proxy = createServer()
  proxy.on('connect', (request, socket) => {
    tunnels.push(request.url ?? '')
    const [host = '', port = ''] = (request.url ?? '').split(':')
    const target = connect(Number(port), host, () => socket.write('HTTP/1.1 200 Connection established\r\n\r\n'))
    target.pipe(socket).pipe(target)
    for (const side of [target, socket]) side.on('error', () => undefined)
    closes.unshift(async () => target.destroy())
  })
  return { origin: await listen(proxy, closes), tunnels }
}

client('goes by HTTP_PROXY, and past it for what NO_PROXY has', async ({ closes }) => {
  const { origin } = await serve(closes, ok)
  const proxy = await serveProxy(closes)
  assert.equal(await read(`${origin}/file`, { env: { HTTP_PROXY: proxy.origin } }), 'the file')
  assert.deepEqual(proxy.tunnels, [new URL(origin).host])
  const env = { HTTP_PROXY: proxy.origin, NO_PROXY: '127.0.0.1' }
  assert.equal(await read(`${origin}/file`, { env }), 'the file')
  assert.equal(proxy.tunnels.length, 1)
})

client('fails at once when the proxy refuses or does not exist', async ({ closes }) => {
  let asked = 0
  const proxy = createServer()
  proxy.on('connect', (_, socket) => {
    asked += 1
    socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
  })
  const HTTP_PROXY = await listen(proxy, closes)
  assert.match(await read('http://a.example/file', { env: { HTTP_PROXY } }), /^a\.example can't be reached: .*407/)
  assert.equal(asked, 1)
  assert.match(
    await read('http://a.example/file', { env: { HTTP_PROXY: 'http://127.0.0.1:9' } }),
    /^a\.example can't be reached: .*ECONNREFUSED 127\.0\.0\.1:9/,
  )
})
client.run()

const wait = suite('retryAfterMs()')
const nowMs = Date.parse('2026-11-28T12:00:00Z')

for (const [what, retryAfter, resetAt, expected] of [
  ['seconds', '120', undefined, 120_000],
  ['a date', 'Sat, 28 Nov 2026 12:01:00 GMT', undefined, 60_000],
  ['a date that is over', 'Sat, 28 Nov 2026 11:00:00 GMT', undefined, 0],
  ['the reset of a limit', undefined, String(nowMs / 1000 + 30), 30_000],
  ['Retry-After before the reset', '5', String(nowMs / 1000 + 30), 5_000],
  ['nothing', undefined, undefined, undefined],
  ['no time', 'soon', undefined, undefined],
] as const) {
  wait(`reads ${what}`, () => assert.equal(retryAfterMs(retryAfter, resetAt, nowMs), expected))
}
wait.run()
