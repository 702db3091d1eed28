import assert from 'node:assert/strict'
import { createServer, type RequestOptions, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { suite } from 'uvu'
import { endWith } from '../../../../lib/kubelet/endpoints/http-answer.ts'
import { answerStream, upgradeAnswer } from '../../../../lib/kubelet/endpoints/node-streams.ts'
import { createStore } from '../../../../lib/kubelet/store/stats-store.ts'
import { waitUntil } from '../../../../lib/system/wait.ts'
import { node, pod, START_MS } from '../kubelet-fixtures.ts'

const at = (seconds: number) => new Date(START_MS + 1_000 * seconds).toISOString()
const running = { running: { startedAt: at(0) } }
const failed = { terminated: { startedAt: at(0), finishedAt: at(30), exitCode: 1, reason: 'Error' } }

let nowMs = START_MS + 600_000
const store = createStore({ clock: () => nowMs })
store.setNode(node())
const web = (proxy: object) =>
  store.setPod(
    pod({
      containerStatuses: [
        { name: 'app', ready: true, restartCount: 0, state: running },
        { name: 'proxy', ...proxy },
      ],
    }),
  )

const server = createServer((request, response) => {
  const url = request.url ?? ''
  if (!answerStream(request, response, { node: 'node-0', url, store })) response.writeHead(501).end('not a stream')
})
server.on('upgrade', (request, socket) => {
  endWith(socket, upgradeAnswer({ node: 'node-0', url: request.url ?? '', store }))
})
await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
server.unref()
const { port } = server.address() as AddressInfo

/** Status and body of a response. */
function ask(path: string, options: RequestOptions = {}): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, ...options }, async response => {
      resolve([response.statusCode ?? 0, await text(response)])
    })
    asked.on('error', reject).end()
  })
}

const until = (what: string, isTrue: () => boolean | Promise<boolean>) =>
  waitUntil({
    what,
    timeoutMs: 60_000,
    everyMs: 50,
    check: async () => ((await isTrue()) ? { done: true } : { pending: 'not yet' }),
  })

async function lines(query: string, container = 'app'): Promise<string[]> {
  const [status, body] = await ask(`/containerLogs/shop/web/${container}?${query}`)
  assert.equal(status, 200, body)
  return body.split('\n').slice(0, -1)
}

const logs = suite('answerStream()')

logs.before(() => web({ ready: true, restartCount: 1, state: { running: { startedAt: at(60) } }, lastState: failed }))

logs('gives the start, the readiness and requests at a steady rate, the same each time', async () => {
  const all = await lines('')
  assert.deepEqual(await lines(''), all)
  assert.match(all[0] ?? '', /^time=2026-01-01T00:00:00.000Z level=info msg=starting container=app .*restarts=0$/)
  assert.match(all[2] ?? '', /msg=ready$/)
  const times = all.map(line => Date.parse(line.slice('time='.length, line.indexOf(' '))))
  assert.deepEqual(
    times.toSorted((one, other) => one - other),
    times,
  )
  assert(times.every(each => each <= nowMs))
  const requests = all.filter(line => /msg=request method=GET path=\/\S* status=\d+ durationMs=\d+$/.test(line))
  // One every 2 to 10 s.
  assert(requests.length === all.length - 3 && requests.length >= 59 && requests.length <= 300, String(requests.length))
})

logs('gives the last lines, lines since a time, time stamps and a number of bytes', async () => {
  const all = await lines('')
  assert.deepEqual(await lines('tailLines=2'), all.slice(-2))
  assert.deepEqual(await lines('tail=2'), all.slice(-2))
  assert.deepEqual(await lines('tailLines=0'), [])
  const sinceMs = nowMs - 60_000
  const recent = all.filter(line => Date.parse(line.slice(5, 29)) >= sinceMs)
  assert(recent.length > 3)
  assert.deepEqual(await lines('sinceSeconds=60'), recent)
  assert.deepEqual(await lines(`sinceTime=${new Date(sinceMs).toISOString()}`), recent)
  assert.deepEqual(
    await lines('sinceSeconds=60&tailLines=3&timestamps=true'),
    recent.slice(-3).map(line => `${line.slice(5, 28)}000000Z ${line}`),
  )
  const [, cut] = await ask('/containerLogs/shop/web/app?limitBytes=100')
  assert.equal(cut, `${all.join('\n')}`.slice(0, 100))
})

logs('gives the previous run with its error, which is on stderr, and the restart', async () => {
  const previous = await lines('previous=true', 'proxy')
  assert.match(previous[0] ?? '', /restarts=0$/)
  assert.match(previous.at(-1) ?? '', /^time=2026-01-01T00:00:30.000Z level=error msg="fatal error" exitCode=1$/)
  assert.deepEqual(await lines('previous=true&stream=Stderr', 'proxy'), previous.slice(-1))
  assert.deepEqual(await lines('previous=true&stream=Stdout', 'proxy'), previous.slice(0, -1))
  assert.match((await lines('', 'proxy'))[0] ?? '', /^time=2026-01-01T00:01:00.000Z .*restarts=1$/)
})

logs('serves no requests while a container is not ready', async () => {
  web({ ready: false, restartCount: 0, state: running })
  assert.equal((await lines('', 'proxy')).length, 2)
})

for (const [path, status, body] of [
  ['/containerLogs/shop/none/app', 404, 'pod "none" does not exist'],
  ['/containerLogs/other/web/app', 404, 'pod "web" does not exist'],
  ['/containerLogs/shop/web/none', 404, 'container "none" not found in pod "web"'],
  ['/containerLogs/shop/web/app?previous=true', 400, 'previous terminated container "app" in pod "web" not found'],
  ['/containerLogs/shop/web', 404, '404: Page Not Found'],
  ['/containerLogs/shop/web/app?tailLines=x', 400, '{"message": "Unable to decode query."}'],
  ['/containerLogs/shop/web/app?sinceTime=yesterday', 400, '{"message": "Unable to decode query."}'],
  ['/containerLogs/shop/web/app?tailLines=-1', 422, '{"message": "Invalid request."}'],
  ['/containerLogs/shop/web/app?limitBytes=0', 422, '{"message": "Invalid request."}'],
  [`/containerLogs/shop/web/app?sinceSeconds=1&sinceTime=${at(0)}`, 422, '{"message": "Invalid request."}'],
  ['/containerLogs/shop/web/app?stream=Stdout&tailLines=1', 422, '{"message": "Invalid request."}'],
  ['/containerLogs/shop/%zz/app', 404, 'pod "%zz" does not exist'],
  [
    '/exec/shop/web/app?command=sh&output=1',
    500,
    'cannot exec in container "app" of pod "web": it is simulated and runs no process',
  ],
  ['/stats/summary', 501, 'not a stream'],
] as const) {
  logs(`answers ${path} with ${status}`, async () => assert.deepEqual(await ask(path), [status, body]))
}

for (const [state, why] of [
  [{ waiting: { reason: 'ErrImagePull' } }, "waiting to start: image can't be pulled"],
  [{ waiting: { reason: 'ImagePullBackOff' } }, 'waiting to start: trying and failing to pull image'],
  [{ waiting: { reason: 'ContainerCreating' } }, 'waiting to start: ContainerCreating'],
  [{}, 'waiting to start - no logs yet'],
] as const) {
  logs(`says of a container without a log that it is ${why}`, async () => {
    web({ restartCount: 0, state })
    const answer = await ask('/containerLogs/shop/web/proxy')
    assert.deepEqual(answer, [400, `container "proxy" in pod "web" is ${why}`])
  })
}

logs('gives the last run of a container that waits for its restart', async () => {
  web({ restartCount: 2, state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: failed })
  const all = await lines('follow=true', 'proxy')
  assert.match(all[0] ?? '', /restarts=1$/)
  assert.match(all.at(-1) ?? '', /exitCode=1$/)
})

logs('follows a log until the container ends', async () => {
  web({ ready: true, restartCount: 0, state: running })
  let body = ''
  const path = '/containerLogs/shop/web/proxy?follow=true&tailLines=1'
  const isEnded = new Promise<void>(resolve => {
    const asked = request({ host: '127.0.0.1', port, path }, response => {
      response.on('data', chunk => {
        body += chunk
      })
      response.on('end', resolve)
    })
    asked.end()
  })
  await until('the last line', () => body !== '')
  assert.equal(body.split('\n').length, 2)
  nowMs += 60_000
  await until('more lines', () => body.split('\n').length > 5)
  const terminated = { startedAt: at(0), finishedAt: new Date(nowMs).toISOString(), exitCode: 0 }
  web({ restartCount: 0, state: { terminated } })
  await isEnded
  const all = body.split('\n').slice(0, -1)
  assert.match(all.at(-1) ?? '', /msg=stopping$/)
  assert.equal(new Set(all).size, all.length)
})

logs('stops following when the client goes away', async () => {
  const asked = request({ host: '127.0.0.1', port, path: '/containerLogs/shop/web/app?follow=true' })
  await new Promise<void>(resolve => asked.on('response', response => response.once('data', () => resolve())).end())
  asked.on('error', () => {})
  asked.destroy()
  await until('no connection', () => new Promise(resolve => server.getConnections((_, count) => resolve(count === 0))))
})

logs('gives the latest 100,000 lines of an old container', async () => {
  nowMs += 365 * 86_400_000
  const all = await lines('tailLines=900000')
  assert.equal(all.length, 100_000)
  assert.deepEqual(
    await lines('sinceSeconds=60'),
    all.filter(line => Date.parse(line.slice(5, 29)) >= nowMs - 60_000),
  )
})

logs.run()

const upgrades = suite('upgradeAnswer()')

upgrades.before(() => web({ ready: true, restartCount: 0, state: running }))

for (const [path, status, body] of [
  [
    '/exec/shop/web/app?command=sh&output=1',
    500,
    'cannot exec in container "app" of pod "web": it is simulated and runs no process',
  ],
  [
    '/exec/shop/web/uid-web/app?output=1',
    500,
    'cannot exec in container "app" of pod "web": it is simulated and runs no process',
  ],
  [
    '/attach/shop/web/app?input=1',
    500,
    'cannot attach to container "app" of pod "web": it is simulated and runs no process',
  ],
  ['/portForward/shop/web', 500, 'cannot forward a port to pod "web": it is simulated and runs no process'],
  ['/portForward/shop/web/other-uid', 404, 'pod not found'],
  ['/exec/shop/web/none?error=1', 500, 'container not found ("none")'],
  ['/exec/shop/none/app?output=1', 404, 'pod does not exist'],
  ['/exec/shop/web/app?command=sh', 400, 'you must specify at least 1 of stdin, stdout, stderr'],
  ['/exec/shop/web', 404, '404: Page Not Found'],
  ['/pods', 404, '404: Page Not Found'],
] as const) {
  upgrades(`answers ${path} with ${status}`, async () => {
    const headers = { connection: 'Upgrade', upgrade: 'SPDY/3.1' }
    assert.deepEqual(await ask(path, { method: 'POST', headers }), [status, body])
  })
}

upgrades.run()
