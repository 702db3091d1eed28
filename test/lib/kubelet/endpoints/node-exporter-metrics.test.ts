import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import { hostExtras } from '../../../../lib/kubelet/endpoints/host-extras.ts'
import { nodeExporterText } from '../../../../lib/kubelet/endpoints/node-exporter-metrics.ts'
import { measureNode } from '../../../../lib/kubelet/endpoints/node-measurement.ts'
import { createStore } from '../../../../lib/kubelet/store/stats-store.ts'
import { node, pod, START_MS, there } from '../kubelet-fixtures.ts'
import { familiesOf } from './metric-families.ts'

const NOW_MS = START_MS + 600_000

function measured() {
  const store = createStore({ clock: () => NOW_MS })
  store.setNode(node())
  store.setPod(pod({ annotations: { 'kwok.x-k8s.io/usage-cpu': '500m' } }))
  const entry = there(store.node('node-0'))
  const from = measureNode(entry, NOW_MS)
  return { from, text: nodeExporterText(from, hostExtras(entry, from, store)) }
}

/** The sum of the series of a metric with a label. */
function sumOf(text: string, name: string, label = ''): number {
  const lines = text.split('\n').filter(line => line.replace(/[ {].*/, '') === name && line.includes(label))
  assert(lines.length > 0, `${name} ${label}`)
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}

const exporter = suite('nodeExporterText()')

exporter('has families of a real node exporter 1.12.1 only, with its types, help texts and labels', () => {
  const theirs = familiesOf(readFileSync('test/data/node-exporter/metrics.txt', 'utf8'))
  const ours = familiesOf(measured().text)
  assert(ours.size > 100)
  for (const [name, family] of ours) assert.deepEqual(family, theirs.get(name), name)
})

exporter('has the numbers of the measured node', () => {
  const { from, text } = measured()
  const { total, traffic, disk } = from
  const equal = (name: string, expected: number, label = '') =>
    assert(Math.abs(sumOf(text, name, label) - expected) <= 1e-6 * expected, `${name} ${label}`)
  equal('node_cpu_seconds_total', 8 * 600)
  const idle = sumOf(text, 'node_cpu_seconds_total', 'idle"') + sumOf(text, 'node_cpu_seconds_total', 'iowait"')
  assert(Math.abs(8 * 600 - idle - total.usageCoreNanoSeconds / 1e9) < 1e-6)
  equal('node_load1', total.usageNanoCores / 1e9)
  equal('node_memory_MemTotal_bytes', 32 * 2 ** 30)
  equal('node_memory_MemAvailable_bytes', 32 * 2 ** 30 - total.workingSetBytes)
  equal('node_filesystem_avail_bytes', disk.availableBytes)
  equal('node_disk_written_bytes_total', total.writtenBytes)
  equal('node_network_receive_bytes_total', traffic.rxBytes)
  equal('node_boot_time_seconds', START_MS / 1_000)
  equal('node_uname_info', 1, 'nodename="node-0"')
})

exporter('counts load averages once for readers at the same moment', () => {
  const store = createStore({ clock: () => NOW_MS })
  store.setNode(node())
  const entry = there(store.node('node-0'))
  const loads = (nowMs: number, usageNanoCores: number) => {
    const from = measureNode(entry, nowMs)
    return hostExtras(entry, { ...from, total: { ...from.total, usageNanoCores } }, store).loads
  }
  loads(NOW_MS, 0)
  const once = loads(NOW_MS + 60_000, 2e9)
  assert.deepEqual(loads(NOW_MS + 60_000, 2e9), once)
  assert(Math.abs(once[0] - 2 * (1 - Math.exp(-1))) < 1e-9)
  assert(once[0] > once[1] && once[1] > once[2])
})

exporter.run()
