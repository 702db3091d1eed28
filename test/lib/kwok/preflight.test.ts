import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { suite } from 'uvu'
import { type SettingTexts, variableOf } from '../../../lib/cli/settings.ts'
import { requireLabPossible, requirePortsFor } from '../../../lib/kwok/preflight.ts'
import { requireOwnCluster } from '../../../lib/lab/cluster-owner.ts'
import type { Lab } from '../../../lib/lab/lab.ts'
import { processServices } from '../../../lib/services/process-services.ts'
import { prometheus } from '../../../lib/services/prometheus.ts'
import { statsProxy } from '../../../lib/services/stats-proxy.ts'
import { acceptsConnections, portSettings } from '../../../lib/system/ports.ts'
import { freePorts } from '../../support/free-ports.ts'
import { tempDir, tempLab, writeCluster } from '../../support/temp-lab.ts'

async function freeLab(flags: SettingTexts = {}): Promise<Lab> {
  const ports = Object.entries(await freePorts()).map(([name, port]) => [name, String(port)])
  return tempLab({ ...Object.fromEntries(ports), ...flags })
}

const owns = suite('requireOwnCluster()')

owns('accepts no cluster, and one that this lab created', () => {
  const lab = tempLab()
  requireOwnCluster(lab)
  writeCluster(lab, { owner: lab.dir })
  requireOwnCluster(lab)
})

owns('refuses one of another clone, and names its folder', () => {
  const lab = tempLab()
  const other = tempDir()
  writeCluster(lab, { owner: other })
  assert.throws(() => requireOwnCluster(lab), {
    name: 'LabError',
    message: `KWOK cluster "unit" belongs to another clone of the lab: its state is in ${other}`,
    next: 'set CLUSTER_NAME and the ports to others, or run make kwok-down there',
  })
  rmSync(other, { recursive: true })
  assert.throws(() => requireOwnCluster(lab), {
    name: 'LabError',
    message: `KWOK cluster "unit" belongs to a deleted clone of the lab: its state was in ${other}`,
    next: 'set CLUSTER_NAME and the ports to others, or run kwokctl delete cluster --name unit',
  })
})

for (const [record, runtime] of [
  ['options: { runtime: docker }\n---\nkind: KwokConfiguration\n', 'docker'],
  ['', 'unknown'],
  ['- a list\n', 'unknown'],
] as const) {
  owns(`refuses one that no lab created, with the ${runtime} runtime (record ${JSON.stringify(record)})`, () => {
    const lab = tempLab()
    writeCluster(lab, { record })
    assert.throws(() => requireOwnCluster(lab), {
      name: 'LabError',
      message: `The lab did not create KWOK cluster "unit": kwokctl created it with the ${runtime} runtime in ${lab.clusterDir}`,
      next: 'set CLUSTER_NAME to another name, or run kwokctl delete cluster --name unit',
    })
  })
}
owns.run()

const ports = suite('requirePortsFor()')

for (const name of portSettings) {
  ports(`refuses a port of ${name} that another program uses`, async () => {
    const server = createServer()
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const lab = await freeLab({ [name]: `${port}`, metrics: 'both', alertmanager: 'true' })
    await assert.rejects(requirePortsFor(lab), {
      name: 'LabError',
      message: new RegExp(`^Cannot use port ${port}: it is in use by .*pid ${process.pid}`),
      next: `set ${variableOf(name)} to a free port, or stop that program`,
    })
    server.close()
  })
}

ports('ignores the page’s port with GRAFANA=none', async () => {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await requirePortsFor(await freeLab({ grafanaPort: `${port}`, grafana: 'none' }))
  await assert.rejects(requirePortsFor(await freeLab({ grafanaPort: `${port}` })), /Cannot use port/)
  server.close()
})

ports('accepts a port that a service of the lab uses, and checks one service’s ports only', async () => {
  const lab = await freeLab()
  const services = processServices(lab)
  const { statsProxyPort } = lab.settings
  await services.ensure({
    name: 'stats-proxy',
    command: process.execPath,
    args: ['-e', `require("net").createServer().listen(${statsProxyPort}, "127.0.0.1")`],
    ready: async () => await acceptsConnections(statsProxyPort),
  })
  try {
    await requirePortsFor(lab)
    const other = { ...lab, pidsDir: join(tempDir(), 'pids') }
    await requirePortsFor(other, prometheus)
    await assert.rejects(requirePortsFor(other, statsProxy), /Cannot use port/)
  } finally {
    await services.stop('stats-proxy')
  }
})
ports.run()

const possible = suite('requireLabPossible()')
const kubeconfig = join(tempDir(), 'config')
const { KUBECONFIG: before } = process.env
possible.before.each(() => {
  process.env.KUBECONFIG = kubeconfig
})
possible.after(() => {
  if (before === undefined) delete process.env.KUBECONFIG
  else process.env.KUBECONFIG = before
})

possible('accepts a possible lab', async () => requireLabPossible(await freeLab()))

possible('refuses more pods than the nodes can hold', async () => {
  await assert.rejects(requireLabPossible(await freeLab({ nodeCount: '1', podCount: '200' })), {
    name: 'UsageError',
    message: /^POD_COUNT=200 is more than 1 nodes can hold/,
    next: /^set POD_COUNT to \d+ or less, or increase NODE_COUNT or NODE_CPU$/,
  })
})

possible('refuses a kubeconfig that cannot be written', async () => {
  process.env.KUBECONFIG = '/dev/null/config'
  await assert.rejects(requireLabPossible(await freeLab()), /Cannot write the kubeconfig \/dev\/null\/config/)
})

possible('refuses a cluster that the lab did not create', async () => {
  const lab = await freeLab()
  writeCluster(lab)
  await assert.rejects(requireLabPossible(lab), /The lab did not create KWOK cluster/)
})

// A really full disk needs root and mount(8).
const disk = join(tempDir(), 'disk')
mkdirSync(disk)
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]).status === 0
const onFullDisk = mounted ? possible : possible.skip
onFullDisk('refuses a full disk, also below a missing folder', async () => {
  const lab = await freeLab()
  const full = { ...lab, clusterDir: join(disk, 'clusters', 'unit') }
  await assert.rejects(requireLabPossible(full), {
    name: 'LabError',
    message: `The disk of ${disk} is full: 1 MiB are free, a lab needs 2048`,
    next: 'free some space, or set KWOK_WORKDIR to a folder on another disk',
  })
})
possible.after(() => {
  if (mounted) spawnSync('umount', [disk])
})
possible.run()
