import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { createClient } from '../../../lib/kube/api-client.ts'
import type { Reflector } from '../../../lib/kube/reflector.ts'
import { createMetrics } from '../../../lib/kubelet/stats-proxy-metrics.ts'
import { createStore } from '../../../lib/kubelet/store/stats-store.ts'
import { watchCluster } from '../../../lib/kubelet/watch-cluster.ts'
import { answer, fakeApi } from '../kube/fake-api.ts'
import { rawNode, rawPod } from './kubelet-fixtures.ts'

const follows = suite('watchCluster()')

follows('lists usage objects first, then nodes, then pods; usage objects are optional', async () => {
  const asked: string[] = []
  const collections: Record<string, unknown[]> = { nodes: [rawNode()], pods: [rawPod()] }
  const api = await fakeApi((request, response) => {
    if (request.url?.includes('watch=') === true) return response.writeHead(200).flushHeaders()
    const name = /(\w+)\?/.exec(request.url ?? '')?.[1] ?? ''
    asked.push(name)
    const items = collections[name]
    // The later, the sooner it would be answered.
    const waitMs = 60 / asked.length
    setTimeout(() => {
      if (items === undefined) answer(response, 404, {})
      else answer(response, 200, { metadata: { resourceVersion: '1' }, items })
    }, waitMs)
  })
  const client = createClient(api.credentials)
  const stopping = new AbortController()
  const order: string[] = []
  const store = createStore()
  const reflectors: Record<string, Reflector> = {}
  const metrics = { ...createMetrics(store, () => reflectors), countEvent: (kind: string) => void order.push(kind) }
  const { signal } = stopping
  await watchCluster({ client, store, metrics, reflectors, signal, log: () => {}, logOnce: () => {} })
  assert.deepEqual(order, ['nodes', 'pods'])
  assert.deepEqual(asked, ['resourceusages', 'clusterresourceusages', 'nodes', 'pods'])
  assert.deepEqual([store.nodeCount, store.podCount], [1, 1])
  stopping.abort()
  client.close()
  await api.close()
})

follows.run()
