import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { measureNode } from '../../../../lib/kubelet/endpoints/node-measurement.ts'
import { probeMetricsText } from '../../../../lib/kubelet/endpoints/probe-metrics.ts'
import { createStore } from '../../../../lib/kubelet/store/stats-store.ts'
import { node, pod, START_MS, there } from '../kubelet-fixtures.ts'

const writes = suite('probeMetricsText()')

writes('counts probes from the start of the pod, and continues after a container restart', () => {
  const nowMs = START_MS + 600_000
  const store = createStore({ clock: () => nowMs })
  store.setNode(node())
  const containers = [{ name: 'app', livenessProbe: { periodSeconds: 5 }, startupProbe: {} }]
  const counts = (startedAt: string) => {
    store.setPod(pod({ containers, containerStatuses: [{ name: 'app', state: { running: { startedAt } } }] }))
    const text = probeMetricsText(measureNode(there(store.node('node-0')), nowMs))
    return [...text.matchAll(/probe_type="(\w+)",result="successful"\} (\d+)/g)].map(
      ([, type, made]) => `${type} ${made}`,
    )
  }
  assert.deepEqual(counts('2026-01-01T00:00:00Z'), ['Liveness 121', 'Startup 1'])
  assert.deepEqual(counts('2026-01-01T00:09:00Z'), ['Liveness 121', 'Startup 1'])
})

writes.run()
