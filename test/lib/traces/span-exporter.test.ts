import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SpanKind } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { suite } from 'uvu'
import { ids, SimulatedSpan } from '../../../lib/traces/span.ts'
import { createSpanExporter } from '../../../lib/traces/span-exporter.ts'
import { until } from '../kube/fake-api.ts'

const resource = resourceFromAttributes({ 'service.name': 'a-service-to-find' })

function trace(spans: number): SimulatedSpan[] {
  const traceId = ids.generateTraceId()
  return Array.from(
    { length: spans },
    () => new SimulatedSpan(SpanKind.SERVER, 'a-span-to-find', resource, undefined, traceId),
  )
}

/** A receiver, and the end of it. */
async function receiver(listener: RequestListener, port = 0) {
  const server = createServer(listener)
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const exports = suite('createSpanExporter()')

exports('sends whole traces as protobuf to /v1/traces, with their resource, and counts them', async () => {
  const bodies: { path: string; type: string; body: string }[] = []
  const { url, close } = await receiver(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    bodies.push({ path: request.url ?? '', type: request.headers['content-type'] ?? '', body })
    response.end()
  })
  const exporter = createSpanExporter({ url, log: () => {}, batchSize: 10, delayMs: 20 })
  for (let at = 0; at < 5; at++) exporter.add(trace(4))
  await until('all were sent', () => exporter.counts.sent === 20)
  await close()
  assert.equal(exporter.waiting, 0)
  assert.deepEqual(
    bodies.map(({ path, type }) => [path, type]),
    bodies.map(() => ['/v1/traces', 'application/x-protobuf']),
  )
  const counts = bodies.map(({ body }) => body.split('a-span-to-find').length - 1)
  assert.equal(
    counts.reduce((sum, each) => sum + each, 0),
    20,
  )
  for (const count of counts) assert.equal(count % 4, 0, 'a trace was cut')
  for (const { body } of bodies) assert.equal(body.split('a-service-to-find').length - 1, 1)
})

exports('sends spans that were queued while all connections were busy', async () => {
  const held: (() => void)[] = []
  let isHolding = true
  const { url, close } = await receiver((request, response) => {
    request.resume().on('end', () => {
      if (isHolding) held.push(() => response.end())
      else response.end()
    })
  })
  const exporter = createSpanExporter({ url, log: () => {}, batchSize: 4, delayMs: 5 })
  for (let at = 0; at < 2; at++) exporter.add(trace(4))
  await until('both are under way', () => held.length === 2)
  exporter.add(trace(3))
  // Its delay ends while no connection is free to send it.
  await new Promise(resolve => setTimeout(resolve, 50))
  assert.equal(exporter.waiting, 3)
  isHolding = false
  for (const answer of held) answer()
  await until('the rest was sent', () => exporter.counts.sent === 11)
  await close()
})

exports('an unreachable receiver is logged once, and used again when it accepts spans', async () => {
  const gone = await receiver(() => {})
  await gone.close()
  const log: string[] = []
  // Below the second after which a failed request is retried.
  const exporter = createSpanExporter({ url: gone.url, log: line => log.push(line), timeoutMs: 700, delayMs: 10 })
  exporter.add(trace(3))
  await until('it was given up', () => exporter.counts.failed === 3)
  exporter.add(trace(3))
  await until('the next was given up', () => exporter.counts.failed === 6)
  const { close } = await receiver((request, response) => request.resume().on('end', () => response.end()), gone.port)
  exporter.add(trace(3))
  await until('it was sent', () => exporter.counts.sent === 3)
  await close()
  assert.equal(log.length, 2, log.join('\n'))
  assert.match(
    log[0] ?? '',
    /^traces: cannot send to http:.* \(.*ECONNREFUSED.*\), trying again; 3 spans failed and 0 dropped so far$/,
  )
  assert.match(log[1] ?? '', /^traces: http:.* accepts them again; 6 spans failed and 0 dropped so far$/)
})

exports('a receiver that hangs or refuses does not block: a full queue drops its oldest traces', async () => {
  let asked = 0
  const { url, close } = await receiver(request => {
    asked++
    request.resume()
  })
  const exporter = createSpanExporter({
    url,
    log: () => {},
    capacity: 100,
    batchSize: 20,
    timeoutMs: 300,
    delayMs: 10,
  })
  for (let at = 0; at < 50; at++) exporter.add(trace(10))
  // Two requests of 20 are under way, 100 wait, and the rest is gone at once.
  assert.deepEqual(
    { ...exporter.counts, waiting: exporter.waiting },
    { sent: 0, dropped: 360, failed: 0, waiting: 100 },
  )
  await until('the first were given up', () => exporter.counts.failed >= 40 && asked >= 2)
  assert(exporter.waiting <= 100)
  await exporter.close(50)
  await close()
})

exports('does not retry spans that are refused permanently', async () => {
  let asked = 0
  const { url, close } = await receiver((request, response) => {
    asked++
    request.resume().on('end', () => response.writeHead(400).end('no'))
  })
  const log: string[] = []
  const exporter = createSpanExporter({ url, log: line => log.push(line), delayMs: 10 })
  exporter.add(trace(3))
  await until('it was given up', () => exporter.counts.failed === 3)
  await close()
  assert.equal(asked, 1)
  assert.match(log.join(), /Bad Request|400/)
})

exports('sends the queue when it is closed, within the time limit', async () => {
  const { url, close } = await receiver((request, response) => request.resume().on('end', () => response.end()))
  const exporter = createSpanExporter({ url, log: () => {}, delayMs: 60_000 })
  exporter.add(trace(3))
  await exporter.close(5_000)
  assert.equal(exporter.counts.sent, 3)
  await close()
  const hanging = await receiver(() => {})
  const stuck = createSpanExporter({ url: hanging.url, log: () => {}, timeoutMs: 2_000, delayMs: 60_000 })
  stuck.add(trace(3))
  await stuck.close(100)
  assert.deepEqual(stuck.counts, { sent: 0, dropped: 0, failed: 0 }, 'it waited for the end of the request')
  await hanging.close()
})
exports.run()
