import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { suite } from 'uvu'
import { createPrometheusApi } from '../../../../lib/prometheus/prometheus-client.ts'
import { prometheusFacts } from '../../../../lib/render/report/lab-facts.ts'

const facts = suite('prometheusFacts()')

for (const { fact, answer, expected, timeoutMs } of [
  {
    fact: 'gives the version',
    answer: '{"status":"success","data":{"version":"3.8.1"}}',
    expected: '3.8.1',
    timeoutMs: 60_000,
  },
  {
    fact: 'does without when the answer does not come',
    answer: undefined,
    expected: 'of an unknown version',
    timeoutMs: 1_000,
  },
]) {
  facts(fact, async () => {
    const server = createServer((_, response) => {
      if (answer !== undefined) response.end(answer)
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    try {
      assert.deepEqual(await prometheusFacts(createPrometheusApi(url, { timeoutMs })), [['Prometheus', expected]])
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })
}
facts.run()
