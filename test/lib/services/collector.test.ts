import assert from 'node:assert/strict'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { suite } from 'uvu'
import {
  collector,
  configPath,
  ensureCollector,
  reloadCollector,
  writeCollectorConfig,
} from '../../../lib/services/collector.ts'
import { freePort } from '../../support/free-ports.ts'
import { tempDir, tempLab } from '../../support/temp-lab.ts'
import { writeTestCa } from '../kube/ca.ts'

const collectors = suite('ensureCollector()')

/** Nodes with their addresses. */
const at = (names: string[]) => new Map(names.map((name, index) => [name, `198.18.0.${index + 1}`]))

/** A lab whose collector is this process: it listens, and reads its configuration when it is started and when it gets SIGHUP. */
async function withCollector(
  run: (given: {
    lab: ReturnType<typeof tempLab>
    /** The nodes of each configuration that was read. */
    read: string[][]
    start: (after?: () => Promise<void>) => Parameters<typeof ensureCollector>[1]
    /** Ends the Prometheus that it delivers to. */
    stopPrometheus: () => Promise<void>
  }) => Promise<void>,
): Promise<void> {
  const otelcol = join(tempDir(), 'otelcol')
  writeFileSync(otelcol, '#!/bin/sh\n')
  chmodSync(otelcol, 0o755)
  process.env['OTELCOL_BINARY'] = otelcol
  const [port, prometheusPort] = [await freePort(), await freePort()]
  const lab = tempLab({ otlpHttpPort: String(port), prometheusPort: String(prometheusPort) })
  await writeTestCa(lab.clusterDir)
  const [server, prometheus] = await Promise.all([listen(port), listen(prometheusPort)])
  const read: string[][] = []
  const readConfig = () => {
    const names = readFileSync(configPath(lab), 'utf8').matchAll(/^ {2}kubelet_stats\/(\S+):$/gm)
    read.push([...names].map(([, name = '']) => name))
  }
  const start = (after?: () => Promise<void>) => ({
    ensure: async () => {
      readConfig()
      await after?.()
      return true
    },
    signal: async () => {
      readConfig()
      return true
    },
  })
  try {
    await run({ lab, read, start, stopPrometheus: () => new Promise(resolve => prometheus.close(() => resolve())) })
  } finally {
    server.close()
    prometheus.close()
    delete process.env['OTELCOL_BINARY']
  }
}

async function listen(port: number): Promise<Server> {
  const server = createServer(socket => socket.end())
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  return server
}

collectors('makes the collector read the nodes once', () =>
  withCollector(async ({ lab, read, start }) => {
    assert.equal(await ensureCollector(lab, start(), at(['a', 'b'])), true)
    assert.deepEqual(read, [['a', 'b']])
    assert.equal(await reloadCollector(lab, start()), 'current')
  }),
)

collectors('does not reload one that was slow to answer', () =>
  withCollector(async ({ lab, read, start }) => {
    const slow = start(async () => {
      throw new Error('timed out')
    })
    await assert.rejects(ensureCollector(lab, slow, at(['a'])), /timed out/)
    const services = { ...start(), ensure: async () => false }
    assert.equal(await ensureCollector(lab, services, at(['a'])), false)
    assert.deepEqual(read, [['a']])
  }),
)

collectors('makes it read a configuration that the watcher wrote during the start', () =>
  withCollector(async ({ lab, read, start }) => {
    const services = start(async () => {
      await writeCollectorConfig(lab, at(['a', 'b']))
    })
    await ensureCollector(lab, services, at(['a']))
    await reloadCollector(lab, services)
    assert.deepEqual(read.at(-1), ['a', 'b'])
  }),
)

collectors('makes it read a configuration that was written during the reload', () =>
  withCollector(async ({ lab, read, start }) => {
    const services = start()
    await ensureCollector(lab, services, at(['a']))
    await writeCollectorConfig(lab, at(['a', 'b']))
    const slow = {
      signal: async () => {
        await services.signal(collector, 'SIGHUP')
        await writeCollectorConfig(lab, at(['a', 'b', 'c']))
        return true
      },
    }
    assert.equal(await reloadCollector(lab, slow), 'reloaded')
    assert.equal(await reloadCollector(lab, services), 'reloaded')
    assert.deepEqual(read.at(-1), ['a', 'b', 'c'])
  }),
)

collectors('leaves a collector alone that cannot deliver to Prometheus', () =>
  withCollector(async ({ lab, read, start, stopPrometheus }) => {
    const services = start()
    await ensureCollector(lab, services, at(['a']))
    await stopPrometheus()
    await writeCollectorConfig(lab, at(['a', 'b']))
    assert.equal(await reloadCollector(lab, services), 'not running')
    assert.deepEqual(read, [['a']])
  }),
)
collectors.run()
