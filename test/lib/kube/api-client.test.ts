import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import { ApiStatusError, connect, createClient } from '../../../lib/kube/api-client.ts'
import { answer, bodyOf, type FakeApi, fakeApi } from './fake-api.ts'
import { CERTIFICATE } from './tls.ts'

const connects = suite('connect()')

/** Writes a kubeconfig and runs a test with its path. */
async function withKubeconfig(server: string, ca: string | undefined, run: (path: string) => Promise<void>) {
  const folder = await mkdtemp(join(tmpdir(), 'kube-client-'))
  const path = join(folder, 'kubeconfig')
  const authority = ca === undefined ? '' : `, certificate-authority-data: ${Buffer.from(ca).toString('base64')}`
  await writeFile(
    path,
    [
      'current-context: lab',
      `clusters: [{ name: lab, cluster: { server: "${server}"${authority} } }]`,
      'users: [{ name: lab, user: { token: secret } }]',
      'contexts: [{ name: lab, context: { cluster: lab, user: lab } }]',
    ].join('\n'),
  )
  try {
    await run(path)
  } finally {
    await rm(folder, { recursive: true })
  }
}

connects('talks TLS with what the kubeconfig holds', async () => {
  const api = await fakeApi((request, response) => answer(response, 200, { was: request.headers.authorization }), {
    tls: true,
  })
  await withKubeconfig(api.url, CERTIFICATE, async kubeconfig => {
    const client = await connect({ kubeconfig, context: 'lab' })
    assert.deepEqual(await client.request('GET', '/version'), { status: 200, body: { was: 'Bearer secret' } })
    assert.equal(client.context, 'lab')
    client.close()
  })
  await api.close()
})

connects('refuses a server that the CA has not signed', async () => {
  const api = await fakeApi((_, response) => answer(response, 200, {}), { tls: true })
  await withKubeconfig(api.url, undefined, async kubeconfig => {
    const client = await connect({ kubeconfig })
    await assert.rejects(client.request('GET', '/version'), /self-signed certificate/)
    client.close()
  })
  await api.close()
})

connects('names the valid contexts', async () => {
  await withKubeconfig('https://127.0.0.1:1', undefined, async kubeconfig => {
    await assert.rejects(connect({ kubeconfig, context: 'prod' }), /no context "prod" \(there is: lab\)/)
  })
})

connects('names the missing file', async () => {
  await assert.rejects(connect({ kubeconfig: '/nowhere/config' }), /Cannot read kubeconfig \/nowhere\/config: ENOENT/)
})

connects.run()

const requests = suite('client.request()')
let api: FakeApi

requests('sends JSON and gives back status and body, also of a refusal', async () => {
  api = await fakeApi(async (request, response) => {
    const type = request.headers['content-type']
    answer(response, 409, { method: request.method, url: request.url, type, body: await bodyOf(request) })
  })
  const client = createClient(api.credentials)
  const response = await client.request('POST', '/api/v1/pods?a=b', { body: { x: 'ü' } })
  assert.deepEqual(response, {
    status: 409,
    body: { method: 'POST', url: '/api/v1/pods?a=b', type: 'application/json', body: '{"x":"ü"}' },
  })
  client.close()
  await api.close()
})

requests('gives the Retry-After of a 429', async () => {
  api = await fakeApi((_, response) => answer(response, 429, {}, { 'retry-after': '2' }))
  const client = createClient(api.credentials)
  assert.equal((await client.request('GET', '/')).retryAfterMs, 2_000)
  client.close()
  await api.close()
})

requests('gives up after the time-out', async () => {
  api = await fakeApi(() => {})
  const client = createClient(api.credentials)
  await assert.rejects(client.request('GET', '/slow', { timeoutMs: 50 }), /Cannot GET \/slow at .*no data for 50 ms/)
  client.close()
  await api.close()
})

requests('keeps the cause of a refused connection', async () => {
  api = await fakeApi(() => {})
  await api.close()
  const client = createClient(api.credentials)
  await assert.rejects(client.request('GET', '/'), (error: Error) => {
    assert.match(error.message, /ECONNREFUSED/)
    return error.cause instanceof Error
  })
  client.close()
})

requests('stops when the signal is aborted', async () => {
  api = await fakeApi(() => {})
  const client = createClient(api.credentials)
  const signal = AbortSignal.timeout(50)
  await assert.rejects(client.request('GET', '/', { signal }), { name: 'TimeoutError' })
  client.close()
  await api.close()
})

requests('retries a GET once after a closed kept-alive connection, but no POST', async () => {
  let calls = 0
  api = await fakeApi((request, response) => {
    calls++
    if (calls % 2 === 0) request.socket.destroy()
    else answer(response, 200, { calls })
  })
  const client = createClient(api.credentials, { maxSockets: 1 })
  await client.request('GET', '/')
  assert.deepEqual((await client.request('GET', '/')).body, { calls: 3 })
  await assert.rejects(client.request('POST', '/', { body: {} }), /socket hang up/)
  assert.equal(calls, 4)
  client.close()
  await api.close()
})

requests('uses no more connections than it may', async () => {
  const sockets = new Set()
  api = await fakeApi((request, response) => {
    sockets.add(request.socket)
    setTimeout(() => answer(response, 200, {}), 5)
  })
  const client = createClient(api.credentials, { maxSockets: 4 })
  await Promise.all(Array.from({ length: 40 }, () => client.request('GET', '/')))
  assert.equal(sockets.size, 4)
  client.close()
  await api.close()
})

requests('gets fresh credentials after a 401', async () => {
  api = await fakeApi((request, response) => answer(response, request.headers.authorization === 'new' ? 200 : 401, {}))
  const reload = async () => ({ ...api.credentials, headers: { authorization: 'new' } })
  const client = createClient(api.credentials, { reload })
  const both = await Promise.all([client.request('GET', '/a'), client.request('GET', '/b')])
  assert.deepEqual(
    both.map(each => each.status),
    [200, 200],
  )
  client.close()
  await api.close()
})

requests.run()

const streams = suite('client.stream()')

streams('gives each line, however the bytes are cut', async () => {
  api = await fakeApi(async (_, response) => {
    const bytes = Buffer.from('{"a":"ü"}\n{"a":2}\n\n{"a":3}\n')
    for (const byte of bytes) {
      response.write(Buffer.of(byte))
      await new Promise(setImmediate)
    }
    response.end()
  })
  const client = createClient(api.credentials)
  const lines: unknown[] = []
  for await (const line of client.stream('/')) lines.push(line)
  assert.deepEqual(lines, [{ a: 'ü' }, { a: 2 }, { a: 3 }])
  client.close()
  await api.close()
})

streams('throws the status of a refusal', async () => {
  api = await fakeApi((_, response) => answer(response, 410, { message: 'too old resource version' }))
  const client = createClient(api.credentials)
  await assert.rejects(client.stream('/').next(), (error: unknown) => {
    assert(error instanceof ApiStatusError)
    assert.equal(error.status, 410)
    assert.match(error.message, /410 too old resource version/)
    return true
  })
  client.close()
  await api.close()
})

streams('takes a silent server for dead', async () => {
  api = await fakeApi((_, response) => response.writeHead(200).flushHeaders())
  const client = createClient(api.credentials)
  let isOpen = false
  const options = { idleTimeoutMs: 500, onOpen: () => (isOpen = true) }
  await assert.rejects(client.stream('/watch', options).next(), /Cannot watch \/watch at/)
  assert(isOpen)
  client.close()
  await api.close()
})

streams('throws when the server goes away in the middle', async () => {
  api = await fakeApi((request, response) => response.write('{"a":1}\n{"a"', () => request.socket.destroy()))
  const client = createClient(api.credentials)
  const lines: unknown[] = []
  await assert.rejects(async () => {
    for await (const line of client.stream('/')) lines.push(line)
  }, /Cannot watch/)
  assert.deepEqual(lines, [{ a: 1 }])
  client.close()
  await api.close()
})

streams.run()
