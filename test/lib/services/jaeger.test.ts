import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { parse } from 'yaml'
import { projectDir } from '../../../lib/lab/lab.ts'
import { programPath } from '../../../lib/programs/programs.ts'
import { jaeger, jaegerConfig } from '../../../lib/services/jaeger.ts'
import { hasService } from '../../../lib/services/service.ts'
import { run } from '../../../lib/system/run.ts'
import { jaegerServices, jaegerTraces } from '../../../lib/traces/jaeger-client.ts'
import { tempDir, tempLab } from '../../support/temp-lab.ts'
import { answer, fakeApi } from '../kube/fake-api.ts'

const base = readFileSync(join(projectDir, 'kwok-config', 'jaeger.yaml'), 'utf8')
const rendered = jaegerConfig(base, { queryAddress: '127.0.0.1:1', otlpAddress: '127.0.0.1:2' })

const configs = suite('jaegerConfig()')

configs('listens on the two given addresses, and on a free port of loopback for gRPC', () => {
  const { extensions, receivers } = parse(rendered)
  assert.deepEqual(extensions.jaeger_query.http, { endpoint: '127.0.0.1:1' })
  assert.deepEqual(extensions.jaeger_query.grpc, { endpoint: '127.0.0.1:0' })
  assert.deepEqual(receivers, { otlp: { protocols: { grpc: { endpoint: '127.0.0.1:2' } } } })
  assert.deepEqual(rendered.match(/[\w.]+:\d+$/gm), ['127.0.0.1:1', '127.0.0.1:0', '127.0.0.1:2'])
})

configs('keeps a bounded number of traces', () => {
  const { memory } = parse(rendered).extensions.jaeger_storage.backends.memory
  assert(memory.max_traces > 0 && memory.max_traces <= 100_000)
})

configs('is accepted by Jaeger itself', async () => {
  const file = join(tempDir(), 'jaeger.yaml')
  writeFileSync(file, rendered)
  const { exitCode, stderr } = await run(await programPath('jaeger'), ['validate', `--config=${file}`], {
    nothrow: true,
  })
  assert.equal(exitCode, 0, stderr)
})
configs.run()

const services = suite('jaeger')

services('restarts for another configuration, and runs in the Docker runtime with JAEGER=true alone', async () => {
  process.env['JAEGER_BINARY'] = process.execPath
  try {
    const lab = tempLab({ jaegerPort: '26686', jaegerOtlpPort: '24317' })
    const { args, contents } = await jaeger.process.spec(lab)
    const config = join(lab.configDir, 'jaeger.yaml')
    assert.deepEqual(args, [`--config=${config}`])
    assert.equal(readFileSync(config, 'utf8'), contents)
    assert.deepEqual(contents?.match(/[\w.]+:\d+$/gm), ['127.0.0.1:26686', '127.0.0.1:0', '127.0.0.1:24317'])
    const other = await jaeger.process.spec(tempLab())
    assert.notEqual(other.contents, contents)
  } finally {
    delete process.env['JAEGER_BINARY']
  }
  const runtime = 'docker'
  const labs = [tempLab(), tempLab({ runtime }), tempLab({ runtime, jaeger: 'true' })]
  assert.deepEqual(
    labs.map(lab => hasService(lab, jaeger)),
    [true, false, true],
  )
})
services.run()

const asks = suite('jaegerServices(), jaegerTraces()')

asks('gives the spans of each trace with parent, tags and resource', async () => {
  const asked: string[] = []
  const api = await fakeApi((request, response) => {
    asked.push(request.url ?? '')
    if (request.url === '/api/services') return answer(response, 200, { data: ['web', 'cart'] })
    const child = { refType: 'CHILD_OF', traceID: 't', spanID: 'a' }
    const span = { traceID: 't', processID: 'p1', startTime: 5, duration: 7 }
    const tags = [{ key: 'http.response.status_code', type: 'int64', value: 500 }]
    const spans = [
      { ...span, spanID: 'a', operationName: 'GET', references: [], tags },
      { ...span, spanID: 'b', operationName: 'GET /', references: [child], tags: [] },
    ]
    const processes = { p1: { serviceName: 'web', tags: [{ key: 'k8s.pod.name', value: 'web-1' }] } }
    answer(response, 200, { data: [{ traceID: 't', spans, processes }] })
  })
  assert.deepEqual(await jaegerServices(api.url), ['web', 'cart'])
  const traces = await jaegerTraces(api.url, 'a/b', { limit: 5 })
  await api.close()
  const shared = {
    traceId: 't',
    service: 'web',
    startMicros: 5,
    durationMicros: 7,
    resource: { 'k8s.pod.name': 'web-1' },
  }
  assert.deepEqual(traces, [
    [
      { ...shared, spanId: 'a', parentId: undefined, name: 'GET', tags: { 'http.response.status_code': '500' } },
      { ...shared, spanId: 'b', parentId: 'a', name: 'GET /', tags: {} },
    ],
  ])
  assert.equal(asked[1], '/api/traces?service=a%2Fb&limit=5&lookback=1h')
})

asks('throws when Jaeger does not run, or answers with an error', async () => {
  const api = await fakeApi((_, response) => answer(response, 500, { errors: [{ msg: 'broken' }] }))
  await assert.rejects(jaegerServices(api.url), { message: /^Cannot query Jaeger at http:.*: it answers 500 .*broken/ })
  await api.close()
  await assert.rejects(jaegerServices(api.url), {
    message: /^Cannot query Jaeger at .*ECONNREFUSED/,
    next: 'make kwok-status',
  })
})
asks.run()
