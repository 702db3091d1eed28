import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { suite } from 'uvu'
import { probe } from '../../../lib/system/probe.ts'
import { freePort } from '../../support/free-ports.ts'

const health = suite('probe()')
const soon = { retryMs: 300 }

/** A server whose answers go through these, the last one again and again. */
async function answering(statuses: number[], run: (url: string) => Promise<void>): Promise<void> {
  const left = [...statuses]
  const server = createServer((_, response) => {
    response.writeHead((left.length > 1 ? left.shift() : left[0]) ?? 200).end('one thing\nand another\n')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  try {
    await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}/readyz`)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

for (const status of [200, 404, 405]) {
  health(`accepts status ${status}`, () =>
    answering([status], async url => assert.equal(await probe({ url }), undefined)),
  )
}

health('retries until the failure is over', () =>
  answering([503, 503, 200], async url => assert.equal(await probe({ url }, { retryMs: 60_000 }), undefined)),
)

health('gives the failing answer in one line', () =>
  answering([503], async url => {
    assert.equal(await probe({ url }, soon), `${url} answers 503 one thing; and another`)
  }),
)

health('reports a closed port and an unreadable CA', async () => {
  const port = await freePort()
  assert.match((await probe({ url: `http://127.0.0.1:${port}/` }, soon)) ?? '', /ECONNREFUSED/)
  assert.match((await probe({ url: `https://127.0.0.1:${port}/`, caFile: '/nowhere' }, soon)) ?? '', /ENOENT/)
})

health('does not take an answer for late because this process was busy', () =>
  answering([200], async url => {
    const answer = probe({ url }, { timeoutMs: 300, retryMs: 0 })
    const endMs = performance.now() + 1_000
    while (performance.now() < endMs);
    assert.equal(await answer, undefined)
  }),
)

health('reports a connection without an answer', async () => {
  const server = createTcpServer(() => {})
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  assert.equal(await probe({ url }, { ...soon, timeoutMs: 200 }), `${url}: no answer in 0.2 s`)
  server.close()
})
health.run()
