import assert from 'node:assert/strict'
import { request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { suite } from 'uvu'
import { loadCharts } from '../../../lib/draw/chart.ts'
import { readDashboard } from '../../../lib/grafana/read.ts'
import { freePort } from '../../../lib/ports.ts'
import { verify } from '../../../lib/verify/verify.ts'
import { createPageServer } from '../../../lib/view/server.ts'
import { createPages, type ViewSources } from '../../../lib/view/view.ts'
import { assertSays } from '../../support/lab.ts'
import { type RunningPrometheus, startPrometheus } from '../verify/prometheus.ts'

const nowMs = Date.now()
const lines = ['web', 'db', '<b>bold</b>'].flatMap((job, number) =>
  [...Array(60).keys()].map(
    at => `requests{job="${job}"} ${(number + 1) * 1024} ${(nowMs - 300_000 + at * 10_000) / 1_000}`,
  ),
)
const json = {
  ...{ title: 'Requests', uid: 'requests', time: { from: 'now-30m', to: 'now' }, refresh: '10s' },
  templating: {
    list: [
      {
        name: 'job',
        type: 'query',
        query: 'label_values(requests, job)',
        multi: true,
        includeAll: true,
        allValue: '.+',
      },
    ],
  },
  panels: [
    {
      ...{ id: 1, title: 'Sum', type: 'stat', fieldConfig: { defaults: { unit: 'bytes' } } },
      targets: [{ refId: 'A', expr: 'sum(requests{job=~"$job"})', instant: true }],
    },
    { id: 2, title: 'Wrong', type: 'stat', targets: [{ refId: 'A', expr: 'sum(requests', instant: true }] },
    {
      ...{ id: 3, title: 'Lines', type: 'timeseries' },
      targets: [{ refId: 'A', expr: 'requests{job=~"$job"}', legendFormat: '{{job}}' }],
    },
  ],
}

interface Serving {
  prometheus: RunningPrometheus
  server: Server
  get: (
    path: string,
    more?: { host?: string; method?: string },
  ) => Promise<{ status: number; text: string; policy: string }>
}

async function serve(sources: Partial<ViewSources> & { prometheusUrl: string }): Promise<Server> {
  const dashboard = readDashboard(json, 'test')
  const pages = createPages({
    ...{ name: 'test', scrapeMs: 10_000, drawChart: await loadCharts(), facts: async () => [], parts: async () => [] },
    dashboards: () => ({ dashboards: [{ dashboard, marks: undefined }], refused: ['broken.json: this is no JSON'] }),
    verify: (each, api) =>
      verify({
        api,
        dashboards: [each],
        refused: [],
        scrapeMs: 10_000,
        truth: undefined,
        isKwokLab: false,
        settleMs: 0,
      }),
    ...sources,
  })
  const server = createPageServer(pages)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return server
}

async function get(server: Server, path: string, { host, method = 'GET' }: { host?: string; method?: string } = {}) {
  const { port } = server.address() as AddressInfo
  const headers = { host: host ?? `localhost:${port}` }
  return await new Promise<{ status: number; text: string; policy: string }>((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, headers }, answer => {
      let text = ''
      answer.setEncoding('utf8').on('data', chunk => {
        text += chunk
      })
      const policy = String(answer.headers['content-security-policy'])
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text, policy }))
    })
    asked.on('error', reject).end()
  })
}

const pages = suite<Serving>('createPages()')
pages.before(async context => {
  context.prometheus = await startPrometheus(lines)
  context.server = await serve({ prometheusUrl: context.prometheus.url })
  context.get = (path, more) => get(context.server, path, more)
})
pages.after(async ({ prometheus, server }) => {
  server?.close()
  await prometheus?.stop()
})

pages('lists the dashboards, and says which file can’t be read', async ({ get }) => {
  const { status, text } = await get('/')
  assert.equal(status, 200)
  assertSays(text, /<a href="\/d\/requests">Requests<\/a>/)
  assertSays(text, /broken\.json: this is no JSON/)
})

const choices: [name: string, query: string, sum: string, chosen: RegExp][] = [
  ['All, when nothing is chosen', '', '6 KiB', /<option value="\$__all" selected>All/],
  ['one value', '?var-job=db', '2 KiB', /<option value="db" selected>/],
  ['several values', '?var-job=db&var-job=web', '3 KiB', /<option value="web" selected>/],
  ['no value that the list doesn’t have', '?var-job=nobody', '6 KiB', /<option value="\$__all" selected>/],
  ['a value with HTML in it', '?var-job=%3Cb%3Ebold%3C/b%3E', '3 KiB', /&#60;b&#62;bold&#60;\/b&#62;" selected/],
]
for (const [name, query, sum, chosen] of choices) {
  pages(`shows a dashboard with ${name}`, async ({ get }) => {
    const { status, text } = await get(`/d/requests${query}`)
    assert.equal(status, 200)
    assertSays(text, new RegExp(`<strong>${sum}</strong>`))
    assertSays(text, chosen)
    assert.ok(!text.includes('<b>'))
  })
}

pages('says in a panel that its query is wrong, and draws the others', async ({ get }) => {
  const { text } = await get('/d/requests')
  assertSays(text, /Prometheus gave no answer to A: .*unclosed left parenthesis/)
  assertSays(text, /<svg aria-hidden="true"/)
})

pages('takes the time and the refresh of the address, and no nonsense', async ({ get }) => {
  assertSays((await get('/d/requests?from=now-5m&refresh=30s')).text, /"now-5m" selected[\s\S]*data-refresh="30s"/)
  assertSays((await get('/d/requests?from=now-900y&refresh=1ms')).text, /"now-30m" selected[\s\S]*data-refresh="off"/)
})

pages('gives verify’s verdict when it is asked for', async ({ get }) => {
  const { text } = await get('/d/requests?verify=1')
  assertSays(text, /✗ verify: 1 failed/)
  assertSays(text, /✓ has data[\s\S]*✗ 1 of 1 checks failed/)
})

pages(
  'answers to no other host name and no other method, and lets nothing be loaded from elsewhere',
  async ({ get }) => {
    for (const host of ['evil.example', 'localhost', '127.0.0.1:1', 'localhost.evil.example:80']) {
      assert.equal((await get('/', { host })).status, 421, host)
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) assert.equal((await get('/', { method })).status, 405)
    const { policy, text } = await get('/d/requests')
    assertSays(policy, /^default-src 'none'; script-src 'self'; connect-src 'self'/)
    assert.doesNotMatch(text, /<script(?! src="\/page\.js")|\son\w+=/)
  },
)

pages('has no page of another path or uid', async ({ get }) => {
  for (const path of ['/d/', '/d/nope', '/d/%ff', '/../etc/passwd', '//x'])
    assert.equal((await get(path)).status, 404, path)
})

pages('says in each panel that Prometheus is away', async () => {
  const away = await serve({ prometheusUrl: `http://127.0.0.1:${await freePort()}` })
  const { status, text } = await get(away, '/d/requests').finally(() => away.close())
  assert.equal(status, 200)
  assert.equal(text.match(/Prometheus gave no answer to A: Cannot query Prometheus/g)?.length, 3)
})
pages.run()
