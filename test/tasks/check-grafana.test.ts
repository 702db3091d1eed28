import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { suite } from 'uvu'
import { checkGrafana } from '../ci/grafana.ts'

const check = suite('checkGrafana()')
const good: Record<string, [status: number, body: unknown]> = {
  '/api/dashboards/uid/a': [200, { dashboard: { uid: 'a' } }],
  '/api/dashboards/uid/b': [200, { dashboard: { uid: 'b' } }],
  '/api/frontend/settings': [
    200,
    {
      datasources: {
        Prometheus: { uid: 'p', type: 'prometheus' },
        Jaeger: { uid: 'j', type: 'jaeger' },
        '-- Grafana --': { uid: 'grafana', type: 'datasource' },
      },
    },
  ],
  '/api/ds/query': [200, { results: { A: { frames: [{ data: { values: [[1], [42]] } }] } } }],
  '/api/datasources/proxy/uid/j/api/services': [200, { data: [] }],
}

/** What is said of a Grafana that answers as the good one does but for one path. */
async function problemsOf(changes: typeof good): Promise<string[]> {
  const server = createServer((request, response) => {
    const [status, body] = { ...good, ...changes }[request.url ?? ''] ?? [404, {}]
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  try {
    return await checkGrafana(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
      dashboards: ['a', 'b'],
      datasources: ['p', 'j'],
    })
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

for (const [what, changes, expected] of [
  ['finds no problem in a complete Grafana', {}, []],
  ['names a dashboard that is missing', { '/api/dashboards/uid/b': [404, {}] }, ['dashboard b: Grafana answers 404']],
  [
    'names a dashboard whose uid another has',
    { '/api/dashboards/uid/a': [200, { dashboard: { uid: 'b' } }] },
    ['dashboard a: Grafana answers 200'],
  ],
  [
    'names a query that fails',
    { '/api/ds/query': [400, { results: { A: { error: 'bad gateway' } } }] },
    ['datasource p: Grafana answers 400 bad gateway'],
  ],
  [
    'names a query without series',
    { '/api/ds/query': [200, { results: { A: { frames: [] } } }] },
    ['datasource p: no series of the lab'],
  ],
  [
    'names a trace store that does not answer',
    { '/api/datasources/proxy/uid/j/api/services': [502, {}] },
    ['datasource j: Grafana answers 502'],
  ],
] as const) {
  check(what, async () => assert.deepEqual(await problemsOf(changes as unknown as typeof good), expected))
}

check('names a datasource that Grafana does not have', async () => {
  const settings: typeof good = { '/api/frontend/settings': [200, { datasources: {} }] }
  assert.deepEqual(
    await problemsOf(settings),
    ['p', 'j'].map(uid => `datasource ${uid}: Grafana has none of that uid`),
  )
})
check.run()
