import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { toTraces } from '../../../../dashboards/links.ts'
import { exploredTraces } from '../../../../lib/render/page/trace-links.ts'

const explored = suite('exploredTraces()')
const jaeger = 'http://127.0.0.1:16686'
const filled = (service: string) => toTraces('jaeger').url.replace(/\$\{__data.*?\}/, encodeURIComponent(service))

explored('gives the URL in Jaeger for the link of the dashboards', () => {
  assert.equal(exploredTraces(filled('cart & co'), jaeger), `${jaeger}/search?service=cart+%26+co&lookback=1h&limit=20`)
})

for (const url of [
  '/explore?panes=nonsense',
  '/explore',
  '/explore?panes=%7B%7D',
  '/d/traces',
  toTraces('tempo').url,
]) {
  explored(`gives undefined for ${url.slice(0, 30)}`, () => assert.equal(exploredTraces(url, jaeger), undefined))
}
explored.run()
