import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { suite } from 'uvu'
import type { CatalogMetric } from '../../lib/checks/lint/metric-catalog.ts'
import { catalogDifferences, type LiveMetrics, liveMetrics } from './live-metrics.ts'

const metric = (name: string, type: CatalogMetric['type'], labels: string[]): CatalogMetric => {
  return { name, type, unit: '1', labels, source: 'test' }
}
const catalog = [
  metric('up', 'gauge', ['a', 'b']),
  metric('c_total', 'counter', ['a']),
  metric('h', 'histogram', ['a']),
]
const live = (more: Partial<LiveMetrics> = {}): LiveMetrics => ({
  labels: new Map([
    ['up', new Set(['a', 'b'])],
    ['c_total', new Set(['a'])],
    ['h_bucket', new Set(['a'])],
    ['h_sum', new Set(['a'])],
    ['h_count', new Set(['a'])],
  ]),
  types: new Map([
    ['c_total', 'counter'],
    ['h', 'histogram'],
  ]),
  complete: ['up', 'h_bucket', 'a:recorded', 'ALERTS_FOR_STATE'],
  ...more,
})
const labels = (changes: Record<string, string[] | undefined>) => {
  const all = new Map(live().labels)
  for (const [name, words] of Object.entries(changes)) {
    if (words === undefined) all.delete(name)
    else all.set(name, new Set(words))
  }
  return { labels: all }
}

const differs = suite('catalogDifferences()')
for (const [fact, given, rare, found] of [
  ['are none where both say the same', {}, [], []],
  ['name a metric that is gone', labels({ up: undefined }), [], ['up is in the catalogue and not in Prometheus']],
  ['leave out a metric that may be gone', labels({ up: undefined }), ['up'], []],
  [
    'name a label that is new',
    labels({ up: ['a', 'b', 'c'] }),
    [],
    ['up has the label c in Prometheus and not in the catalogue'],
  ],
  ['name a label that is gone', labels({ up: ['a'] }), [], ['up has the label b in the catalogue and on no series']],
  ['leave out a label that may be gone', labels({ up: ['a'] }), ['up{b}'], []],
  ['leave out a label that may be gone anywhere', labels({ up: ['a'] }), ['{b}'], []],
  ['name a metric that is new', { complete: ['new'] }, [], ['new is in Prometheus and not in the catalogue']],
  [
    'name another type',
    { types: new Map([['up', 'counter']]) },
    [],
    ['up is a counter in Prometheus and a gauge in the catalogue'],
  ],
  ['take a counter that Prometheus calls a gauge', { types: new Map([['c_total', 'gauge']]) }, [], []],
] as const) {
  differs(fact, () => assert.deepEqual(catalogDifferences(catalog, live(given), rare), found))
}
differs('add up the labels of sources with the same metric', () => {
  const two = [metric('up', 'gauge', ['a']), metric('up', 'gauge', ['b'])]
  assert.deepEqual(catalogDifferences(two, live({ complete: [] })), [])
})
differs.run()

const asks = suite<{ server: Server; url: string; asked: string[] }>('liveMetrics()')
asks.before.each(async context => {
  context.asked = []
  context.server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '', 'http://localhost')
    let body = ''
    for await (const chunk of request) body += chunk
    const asked = url.searchParams.get('match[]') ?? new URLSearchParams(body).get('query') ?? ''
    context.asked.push(`${url.pathname} ${asked}`)
    const found = (metric: object) => ({ metric, value: [0, '1'] })
    // "old" is listed, and on no series now.
    const listed = asked.includes('"up"') ? ['__name__', 'a', 'old', 'le'] : []
    const names = [found({ __name__: 'up' }), found({ __name__: 'new' })]
    const now = asked.includes('"up"') ? [found({ label: '__name__' }), found({ label: 'a' })] : []
    const answers: Record<string, unknown> = {
      '/api/v1/labels': listed,
      '/api/v1/metadata': { up: [{ type: 'gauge' }], odd: [] },
      '/api/v1/query': { result: asked.startsWith('group by') ? names : now },
    }
    const refused = asked.includes('refused')
    response.end(
      JSON.stringify(
        refused ? { status: 'error', error: 'no such thing' } : { status: 'success', data: answers[url.pathname] },
      ),
    )
  })
  await new Promise<void>(resolve => context.server.listen(0, '127.0.0.1', resolve))
  context.url = `http://127.0.0.1:${(context.server.address() as AddressInfo).port}`
})
asks.after.each(({ server }) => void server.close())

asks('gives current labels, types, and the names that the catalogue must have', async ({ url, asked }) => {
  const found = await liveMetrics(url, catalog.slice(0, 2), ['{job="x"}'])
  assert.deepEqual(found.labels, new Map([['up', new Set(['a'])]]))
  assert.deepEqual([found.types.get('up'), found.types.get('odd')], ['gauge', ''])
  assert.deepEqual(found.complete, ['new', 'up'])
  const each = 'label_replace(group({__name__="up", "old"!=""}), "label", "old", "", "")'
  assert.equal(asked[1]?.endsWith(each), true, asked[1])
  assert.equal(asked.at(-1), '/api/v1/query group by (__name__) ({job="x"})')
})

asks('throws the message of Prometheus', async ({ url }) => {
  await assert.rejects(liveMetrics(url, [], ['{refused="x"}']), {
    name: 'QueryError',
    message: 'Prometheus refused group by (__name__) ({refused="x"}): no such thing',
  })
  await assert.rejects(liveMetrics(url, [metric('refused', 'gauge', [])], []), {
    name: 'QueryError',
    message: 'Prometheus refused labels of {__name__="refused"}: no such thing',
  })
})
asks.run()
