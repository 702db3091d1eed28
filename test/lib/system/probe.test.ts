import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { suite } from 'uvu'
import { freePort } from '../../../lib/system/ports.ts'
import { troubleOf } from '../../../lib/system/probe.ts'

const health = suite('troubleOf()')
const soon = { againForMs: 300 }

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
  health(`finds none in ${status}`, () =>
    answering([status], async url => assert.equal(await troubleOf({ url }), undefined)),
  )
}

health('finds none when it is over soon', () =>
  answering([503, 503, 200], async url => assert.equal(await troubleOf({ url }), undefined)),
)

health('says in one line what is answered', () =>
  answering([503], async url => {
    assert.equal(await troubleOf({ url }, soon), `${url} answers 503 one thing; and another`)
  }),
)

health('says when nobody listens, and when the CA can’t be read', async () => {
  const port = await freePort()
  assert.match((await troubleOf({ url: `http://127.0.0.1:${port}/` }, soon)) ?? '', /ECONNREFUSED/)
  assert.match((await troubleOf({ url: `https://127.0.0.1:${port}/`, caFile: '/nowhere' }, soon)) ?? '', /ENOENT/)
})

health('says when a connection is taken and nothing comes', async () => {
  const server = createTcpServer(() => {})
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  assert.equal(await troubleOf({ url }, { ...soon, answerMs: 200 }), `${url}: no answer in 0.2 s`)
  server.close()
})
health.run()
