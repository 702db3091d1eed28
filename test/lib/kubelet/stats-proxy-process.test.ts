import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import { daemonCommand } from '../../../lib/services/daemon-bundle.ts'
import { answer, type FakeApi, fakeApi, until } from '../kube/fake-api.ts'
import { CERTIFICATE } from '../kube/tls.ts'
import { rawNode, rawPod } from './kubelet-fixtures.ts'

interface Run {
  child: ChildProcess
  stderr: string
  exitCode: number | undefined
}

/** The bundle that runs in a lab: it starts much faster than the sources. */
const bundle = await daemonCommand('stats-proxy', join('lib', 'kubelet', 'stats-proxy-process.ts'), { args: [] })

function start(...args: string[]): Run {
  const child = spawn(bundle.command, [...bundle.args, ...args])
  const run: Run = { child, stderr: '', exitCode: undefined }
  child.stderr.on('data', chunk => {
    run.stderr += chunk
  })
  child.on('close', code => {
    run.exitCode = code ?? -1
  })
  return run
}

interface Objects {
  nodes?: unknown[]
  pods?: unknown[]
  clusterresourceusages?: unknown[]
}

async function withApi(run: (kubeconfig: string) => Promise<void>, objects: Objects = {}): Promise<void> {
  const { nodes = [rawNode()], pods = [rawPod()], clusterresourceusages = [] } = objects
  const collections: Record<string, unknown[]> = { nodes, pods, clusterresourceusages }
  const api: FakeApi = await fakeApi(
    (request, response) => {
      if (request.url?.includes('watch=') === true) response.writeHead(200).flushHeaders()
      else {
        const items = collections[/(\w+)\?/.exec(request.url ?? '')?.[1] ?? ''] ?? []
        answer(response, 200, { metadata: { resourceVersion: '1' }, items })
      }
    },
    { tls: true },
  )
  const folder = await mkdtemp(join(tmpdir(), 'stats-proxy-'))
  const kubeconfig = join(folder, 'kubeconfig')
  const authority = Buffer.from(CERTIFICATE).toString('base64')
  await writeFile(
    kubeconfig,
    JSON.stringify({
      'current-context': 'lab',
      clusters: [{ name: 'lab', cluster: { server: api.url, 'certificate-authority-data': authority } }],
      users: [{ name: 'lab', user: { token: 'secret' } }],
      contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'lab' } }],
    }),
  )
  try {
    await run(kubeconfig)
  } finally {
    await rm(folder, { recursive: true })
    await api.close()
  }
}

const KUBELETS = ['--port', '1', '--kubelets-socket', '/s', '--kubelet-ca', '/a', '--client-ca', '/b']

const process_ = suite('main')

process_('serves the cluster and ends on SIGTERM, also with an unfinished request', async () => {
  await withApi(async kubeconfig => {
    const run = start('--kubeconfig', kubeconfig, '--context', 'lab', '--port', '0')
    try {
      await until('it is ready', () => run.stderr.includes('ready: 1 nodes, 1 running pods of 1'))
      const url = /listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(run.stderr)?.[1]
      assert.equal((await fetch(`${url}/readyz`)).status, 200)
      const summary = JSON.parse(await (await fetch(`${url}/nodes/node-0/stats/summary`)).text())
      assert.equal(summary.pods[0].podRef.uid, 'uid-web')
      // Its headers may take a minute.
      const unfinished = connect(Number(new URL(url ?? '').port), '127.0.0.1').on('error', () => {})
      unfinished.write('GET /readyz HTTP/1.1\r\n')
      await once(unfinished, 'connect')
      assert.equal((await fetch(`${url}/readyz`)).status, 200)
      const askedMs = Date.now()
      run.child.kill('SIGTERM')
      await until('it has ended', () => run.exitCode !== undefined)
      assert.equal(run.exitCode, 0)
      assert(Date.now() - askedMs < 30_000)
      unfinished.destroy()
    } finally {
      run.child.kill('SIGKILL')
    }
  })
})

process_('logs and counts invalid annotations and usage objects, and serves all pods', async () => {
  const usage = 'kwok.x-k8s.io/usage-cpu'
  const bad = ['lots', '-1', '1e30'].map(value => rawPod({ uid: value, name: value, annotations: { [usage]: value } }))
  const again = rawPod({ uid: 'again', name: 'again', annotations: { [usage]: 'lots' } })
  const odd = [
    rawPod({ uid: 'future', name: 'future', startTime: '2999-01-01T00:00:00Z' }),
    rawPod({ uid: 'bare', name: 'bare', containers: [{ name: 'app' }], containerStatuses: [] }),
  ]
  const good = rawPod({ uid: 'good', name: 'good', annotations: { [usage]: '10m', x: '100m' } })
  const object = (name: string, expression: string) => ({
    metadata: { uid: name, name },
    spec: { selector: { matchNames: ['good', 'bare'] }, usages: [{ usage: { cpu: { expression } } }] },
  })
  const objects = {
    pods: [...bad, again, ...odd, good],
    clusterresourceusages: [
      object('a', '1 +'),
      object(
        'b',
        '"x" in pod.metadata.annotations ? Quantity(pod.metadata.annotations["x"]) : Quantity("0") - Quantity("1") * (Rand() + 1.0)',
      ),
    ],
  }
  await withApi(async kubeconfig => {
    const run = start('--kubeconfig', kubeconfig, '--context', 'lab', '--port', '0')
    try {
      await until('it is ready', () => run.stderr.includes('ready: 1 nodes, 7 running pods of 7'))
      const url = /listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(run.stderr)?.[1]
      for (let at = 0; at < 3; at++) {
        const { pods } = JSON.parse(await (await fetch(`${url}/nodes/node-0/stats/summary`)).text())
        const cores = new Map<string, number>(
          pods.map((each: { podRef: { name: string }; cpu: { usageNanoCores: number } }) => [
            each.podRef.name,
            each.cpu.usageNanoCores,
          ]),
        )
        assert.equal(cores.size, 7)
        assert.equal(cores.get('good'), 2 * 100e6)
        for (const each of cores.values()) assert(each > 0 && each < 1e9)
      }
      const lines = (part: string) => run.stderr.split('\n').filter(line => line.includes(part)).length
      assert.equal(lines('"lots" is not a quantity'), 1)
      assert.equal(lines('"-1" is negative'), 1)
      assert.equal(lines('"1e30" is too large'), 1)
      assert.equal(lines('ClusterResourceUsage a: cpu: Unexpected token'), 1)
      assert.equal(lines('ClusterResourceUsage b: cpu: gives -'), 1)
      const metrics = await (await fetch(`${url}/metrics`)).text()
      assert.match(metrics, new RegExp(`stats_proxy_annotation_errors_total\\{annotation="${usage}"\\} 4`))
      assert.match(metrics, /stats_proxy_usage_errors_total\{kind="ClusterResourceUsage"\} [1-9]/)
    } finally {
      run.child.kill('SIGKILL')
    }
  }, objects)
})

process_('a second process with the same state file is refused until the first is killed', async () => {
  await withApi(async kubeconfig => {
    const state = join(dirname(kubeconfig), 'state', 'counters.jsonl')
    const args = ['--kubeconfig', kubeconfig, '--port', '0', '--state-file', state]
    const first = start(...args)
    try {
      await until('it is ready', () => first.stderr.includes('ready: 1 nodes'))
      const second = start(...args)
      await until('the second has ended', () => second.exitCode !== undefined)
      assert.equal(second.exitCode, 1)
      const why = `Cannot keep counters in ${state}: another stats proxy uses it (pid ${first.child.pid})`
      assert(second.stderr.includes(`${why}\n  Next: stop that one`), second.stderr)
      first.child.kill('SIGKILL')
      await until('the first has ended', () => first.exitCode !== undefined)
      const third = start(...args)
      await until('the third is ready', () => third.stderr.includes('ready: 1 nodes'))
      third.child.kill('SIGTERM')
      await until('the third has ended', () => third.exitCode !== undefined)
      assert.deepEqual(await readdir(dirname(state)), ['counters.jsonl'])
    } finally {
      first.child.kill('SIGKILL')
    }
  })
})

process_('reports a port in use', async () => {
  const holder = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => holder.once('listening', resolve))
  const { port } = holder.address() as { port: number }
  const run = start('--port', String(port))
  await until('it has ended', () => run.exitCode !== undefined)
  holder.close()
  assert.equal(run.exitCode, 1)
  assert.match(run.stderr, new RegExp(`Cannot listen on 127.0.0.1:${port}: port ${port} is in use\n`))
})

for (const [args, message] of [
  [['--port', '1', '--prot', '2'], /Unknown option '--prot'/],
  [['--port', 'abc'], /Cannot use --port abc/],
  [['--port', '1', '--interval-ms', '1e12'], /Cannot use --interval-ms 1e12\n.*from 100 to 86400000/],
  [['--port', '65536'], /Cannot use --port 65536/],
  [['--port', '1', '--kubelets-socket', '/s'], /give all of --kubelets-socket, --kubelet-ca and --client-ca, or none/],
  [[...KUBELETS, '--node-range', '198.18.0.0'], /Cannot use --node-range 198.18.0.0\n/],
  [[...KUBELETS, '--kubelets-socket', `/${'x'.repeat(107)}`], /name a path of at most 10[37] bytes/],
  [[], /Cannot use --port/],
] as const) {
  process_(`refuses ${JSON.stringify(args)}`, async () => {
    const run = start(...args)
    await until('it has ended', () => run.exitCode !== undefined)
    assert.equal(run.exitCode, 2)
    assert.match(run.stderr, message)
  })
}

process_.run()
