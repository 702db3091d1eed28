import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import { createConnectProxy, dialTcp } from '../../../../lib/kubelet/gateway/connect-proxy.ts'
import { daemonCommand } from '../../../../lib/services/daemon-bundle.ts'
import { answer, type FakeApi, fakeApi, until } from '../../kube/fake-api.ts'
import { CERTIFICATE } from '../../kube/tls.ts'

/** The bundle that runs in a lab. */
const bundle = await daemonCommand('kubelet-gateway', join('lib', 'kubelet', 'gateway', 'gateway-process.ts'), {
  args: [],
})

interface Context {
  folder: string
  api: FakeApi
  /** Lets the API server answer lists; before, they wait. */
  openApi: () => void
  /** A server of the cluster, and the stats proxy's stand-in, which leads every node to that server. */
  backend: Server
  port: number
  kubelets: Server
  gateway: ChildProcess
  log: string
  proxyPort: number
}

const LOOPBACK = [{ address: '127.0.0.1', family: 4 }]
/** Names that lead to this machine, where the API server is. */
const API_SERVER_NAMES = ['localhost', '0.0.0.0', '2130706433', '0x7f.1']

const gateway = suite<Context>('gateway process')

gateway.before(async context => {
  context.folder = mkdtempSync(join(tmpdir(), 'gateway-'))
  context.backend = createServer(socket => socket.on('error', () => {}).end('served')).listen(0, '127.0.0.1')
  await once(context.backend, 'listening')
  context.port = (context.backend.address() as AddressInfo).port
  let open: () => void = () => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  context.openApi = () => open()
  const external = (externalName: string, port: number, at: number) => ({
    metadata: { uid: `s${at}`, namespace: 'lab', name: `s${at}` },
    spec: { type: 'ExternalName', externalName, ports: [{ port }] },
  })
  const services = () => [
    external('localhost', context.port, 0),
    ...API_SERVER_NAMES.map((name, at) => external(name, Number(new URL(context.api.url).port), at + 1)),
  ]
  context.api = await fakeApi(
    async (asked, response: ServerResponse) => {
      await opened
      if (asked.url?.includes('watch=') === true) response.writeHead(200).flushHeaders()
      else {
        const items = asked.url?.startsWith('/api/v1/services') === true ? services() : []
        answer(response, 200, { metadata: { resourceVersion: '1' }, items })
      }
    },
    { tls: true },
  )
  const kubeconfig = join(context.folder, 'kubeconfig')
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      'current-context': 'lab',
      clusters: [
        {
          name: 'lab',
          cluster: {
            server: context.api.url,
            'certificate-authority-data': Buffer.from(CERTIFICATE).toString('base64'),
          },
        },
      ],
      users: [{ name: 'lab', user: { token: 'secret' } }],
      contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'lab' } }],
    }),
  )
  context.log = ''
  context.gateway = spawn(bundle.command, [
    ...bundle.args,
    ...['--socket', join(context.folder, 'api.sock'), '--kubelets-socket', join(context.folder, 'kubelets.sock')],
    ...['--port', '0', '--kubeconfig', kubeconfig],
  ])
  context.gateway.stderr?.on('data', chunk => {
    context.log += chunk
  })
  await until('it listens', () => /listening on \S+ and 127\.0\.0\.1:\d+/.test(context.log))
  context.proxyPort = Number(/and 127\.0\.0\.1:(\d+)/.exec(context.log)?.[1])
})

gateway.after(async ({ gateway: child, backend, kubelets, api, folder }) => {
  child.kill()
  for (const server of [backend, kubelets]) server?.close()
  await api.close()
  rmSync(folder, { recursive: true })
})

/** The status line of a CONNECT, and what follows a 200. */
async function ask(where: { socketPath: string } | { port: number }, path: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    const asked = request({ ...where, host: '127.0.0.1', method: 'CONNECT', path, agent: false })
    asked.once('error', reject)
    asked.once('connect', async ({ statusCode, statusMessage }, socket, head) => {
      let text = String(head)
      socket.on('data', (chunk: Buffer) => {
        text += chunk
      })
      await once(socket, 'close')
      resolve(`${statusCode} ${statusCode === 200 ? text : statusMessage}`)
    })
    asked.end()
  })
}

const apiServerWay = ({ folder }: Context) => ({ socketPath: join(folder, 'api.sock') })
const toolsWay = ({ proxyPort }: Context) => ({ port: proxyPort })

gateway('makes the socket for its user alone', async ({ folder }) => {
  assert.equal(statSync(join(folder, 'api.sock')).mode & 0o777, 0o600)
})

gateway('lets kube-apiserver wait for the first list of endpoints', async context => {
  const early = ask(apiServerWay(context), `localhost:${context.port}`)
  setTimeout(context.openApi, 300)
  assert.equal(await early, '200 served')
})

gateway('reaches what the cluster names while the stats proxy is down, and reports that for nodes', async context => {
  assert.match(await ask(apiServerWay(context), '198.18.0.1:10250'), /^502 the stats proxy does not answer/)
  assert.match(await ask(toolsWay(context), '198.18.0.1:10250'), /^502 the stats proxy does not answer/)
  assert.equal(await ask(apiServerWay(context), `localhost:${context.port}`), '200 served')
})

gateway('leads to nodes by the stats proxy, on both ways', async context => {
  context.kubelets = createConnectProxy({
    dial: async () => await dialTcp({ host: '127.0.0.1', port: context.port }, LOOPBACK),
    answer: (_, response) => response.end(),
    onTunnel: () => {},
    onRefusal: () => {},
  }).listen(join(context.folder, 'kubelets.sock'))
  await once(context.kubelets, 'listening')
  for (const way of [apiServerWay(context), toolsWay(context)]) {
    for (const port of [10_250, 9_100]) assert.equal(await ask(way, `198.18.3.4:${port}`), '200 served')
  }
})

gateway('refuses everything else, and counts it', async context => {
  const apiPort = new URL(context.api.url).port
  const others = [`127.0.0.1:${apiPort}`, '93.184.216.34:443', '198.18.0.1:22', '127.0.0.1:22', '198.19.0.1:10250']
  const names = API_SERVER_NAMES.map(name => `${name}:${apiPort}`)
  for (const destination of [...others, ...names, '198.18.0.1:9101']) {
    assert.match(await ask(apiServerWay(context), destination), /^403 Forbidden: neither/, destination)
  }
  for (const destination of [...others, `localhost:${context.port}`]) {
    assert.match(await ask(toolsWay(context), destination), /^403 Forbidden: only simulated nodes/, destination)
  }
  const metrics = await (await fetch(`http://127.0.0.1:${context.proxyPort}/metrics`)).text()
  assert.match(metrics, /^kubelet_gateway_refused_total\{way="apiserver",reason="forbidden"\} 10$/m)
  assert.match(metrics, /^kubelet_gateway_refused_total\{way="port",reason="forbidden"\} 6$/m)
  assert.match(metrics, /^kubelet_gateway_refused_total\{way="port",reason="no-stats-proxy"\} 1$/m)
  assert.match(metrics, /^kubelet_gateway_tunnels_total\{way="port"\} 2$/m)
  assert.match(metrics, /^kubelet_gateway_open_tunnels\{way="apiserver"\} 0$/m)
  assert.equal(await (await fetch(`http://127.0.0.1:${context.proxyPort}/healthz`)).text(), 'ok')
  assert.equal(context.log.match(/refused: /g)?.length, 4, context.log)
})

gateway('keeps the endpoints when the API server is away', async context => {
  await context.api.close()
  await until('it has lost contact', () => context.log.includes('contact lost'))
  assert.equal(await ask(apiServerWay(context), `localhost:${context.port}`), '200 served')
})

gateway('ends when its socket was deleted', async ({ folder, gateway: child }) => {
  const ended = once(child, 'close')
  rmSync(join(folder, 'api.sock'))
  assert.deepEqual(await ended, [1, null])
})

gateway('refuses a socket path of more than 107 bytes', async ({ folder }) => {
  const path = join(folder, 'x'.repeat(108))
  const child = spawn(bundle.command, [...bundle.args, '--socket', path, '--port', '0', '--kubeconfig', 'x'])
  let log = ''
  child.stderr.on('data', chunk => {
    log += chunk
  })
  const [code] = await once(child, 'close')
  assert.equal(code, 2)
  assert.match(log, /Cannot use --socket .*107 bytes, this one has \d+/)
})

gateway.run()
