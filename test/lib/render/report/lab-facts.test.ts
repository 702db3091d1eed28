import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { suite } from 'uvu'
import { prometheusFacts } from '../../../../lib/render/report/lab-facts.ts'

const facts = suite('prometheusFacts()')

for (const { fact, answer, expected } of [
  { fact: 'gives the version', answer: '{"data":{"version":"3.8.1"}}', expected: '3.8.1' },
  { fact: 'does without when the answer does not come', answer: undefined, expected: 'of an unknown version' },
]) {
  facts(fact, async () => {
    const server = createServer((_, response) => {
      if (answer !== undefined) response.end(answer)
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const tooLong = new Promise((_, reject) => setTimeout(reject, 5_000, new Error('no end')).unref())
    try {
      const found = await Promise.race([prometheusFacts(url, { timeoutMs: 2_000 }), tooLong])
      assert.deepEqual(found, [['Prometheus', expected]])
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })
}
facts.run()
