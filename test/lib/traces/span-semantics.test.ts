import assert from 'node:assert/strict'
import { suite } from 'uvu'
import type { Call } from '../../../lib/traces/call-graph.ts'
import { callSemantics } from '../../../lib/traces/span-semantics.ts'
import type { Protocol } from '../../../lib/traces/traced-objects.ts'

const call = (protocol: Protocol): Call => ({
  ...{ service: 'shop/cart', serviceName: 'cart', port: 7070, protocol },
})

const semantics = suite('callSemantics()')

// Status, and error.type, of a call that was answered, one that failed at the other end, and one that was not accepted.
for (const [protocol, status, ok, failed, unavailable] of [
  ['http', 'http.response.status_code', [200, undefined], [500, '500'], [undefined, 'ECONNREFUSED']],
  ['grpc', 'rpc.grpc.status_code', [0, undefined], [13, '13'], [14, '14']],
  ['redis', 'db.system.name', ['redis', undefined], ['redis', 'ERR'], ['redis', 'ECONNREFUSED']],
  ['tcp', 'network.transport', ['tcp', undefined], ['tcp', '_OTHER'], ['tcp', 'ECONNREFUSED']],
] as const) {
  semantics(`gives the result of a ${protocol} call on both sides`, () => {
    const { client, server } = callSemantics(call(protocol))
    const said = [client.ok, client.failed, client.unavailable, server.ok, server.failed].map(attributes => {
      assert.deepEqual([attributes['server.address'], attributes['server.port']], ['cart', 7070])
      return [attributes[status], attributes['error.type']]
    })
    assert.deepEqual(said, [ok, failed, unavailable, ok, failed])
  })
}
semantics.run()
