import assert from 'node:assert/strict'
import { hostname, networkInterfaces } from 'node:os'
import { suite } from 'uvu'
import { addressesBesideApiServer } from '../../../../lib/kubelet/gateway/api-server-address.ts'

const beside = suite('addressesBesideApiServer()')

const own = Object.values(networkInterfaces()).flatMap(each => each ?? [])
const ipv4 = own.filter(({ family }) => family === 'IPv4').map(({ address }) => address)

for (const host of [
  'localhost',
  '127.0.0.1',
  '127.9.9.9',
  '0.0.0.0',
  '2130706433',
  '0x7f.1',
  '::ffff:127.0.0.1',
  '::1',
  '::',
  ...ipv4,
]) {
  beside(`${host} is no way to an API server of this machine`, async () => {
    assert.equal(await addressesBesideApiServer({ host, port: 6443 }, { host: '127.0.0.1', port: 6443 }), undefined)
  })
}

beside('another port of this machine, and the same port of another one, have addresses', async () => {
  const local = await addressesBesideApiServer({ host: '127.0.0.1', port: 4443 }, { host: '127.0.0.1', port: 6443 })
  assert.deepEqual(local, [{ address: '127.0.0.1', family: 4 }])
  const other = await addressesBesideApiServer({ host: '192.0.2.7', port: 6443 }, { host: '127.0.0.1', port: 6443 })
  assert.deepEqual(other, [{ address: '192.0.2.7', family: 4 }])
})

beside('an API server elsewhere is excluded by its address, and a port of this machine is not', async () => {
  const apiServer = { host: '192.0.2.7', port: 6443 }
  assert.equal(await addressesBesideApiServer({ host: '192.0.2.7', port: 6443 }, apiServer), undefined)
  assert(await addressesBesideApiServer({ host: '127.0.0.1', port: 6443 }, apiServer), 'no address')
})

beside('a name without an address is unreachable', async () => {
  const missing = addressesBesideApiServer(
    { host: `${hostname()}.invalid`, port: 1 },
    { host: '127.0.0.1', port: 6443 },
  )
  await assert.rejects(missing, { status: 502, reason: 'unreachable' })
})

beside.run()
