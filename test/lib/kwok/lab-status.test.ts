import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { suite } from 'uvu'
import { countAll } from '../../../lib/kwok/lab-status.ts'
import { waitUntil } from '../../../lib/system/wait.ts'
import { tempLab } from '../../support/temp-lab.ts'

const counts = suite('countAll()')

counts('reports the series as unknown when Prometheus hangs, without waiting for its queries to time out', async () => {
  const sockets: Socket[] = []
  const server = createServer(socket => sockets.push(socket))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  try {
    let counted: Awaited<ReturnType<typeof countAll>> | undefined
    const counting = countAll(tempLab({ prometheusPort: String(port) })).then(each => (counted = each))
    await waitUntil<void>({
      what: 'the counts',
      // A query has a minute.
      timeoutMs: 40_000,
      everyMs: 100,
      check: async () => (counted === undefined ? { pending: 'it still waits' } : { done: undefined }),
    })
    await counting
    assert.notEqual(sockets.length, 0)
    assert.deepEqual(counted, { nodes: undefined, podPhases: undefined, labPods: undefined, series: undefined })
  } finally {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
})
counts.run()
