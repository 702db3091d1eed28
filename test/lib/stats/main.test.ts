import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import { answer, type FakeApi, fakeApi, until } from '../kube/fake-api.ts'
import { CERTIFICATE } from '../kube/tls.ts'
import { rawNode, rawPod } from './fixtures.ts'

interface Run {
  child: ChildProcess
  stderr: string
  exitCode: number | undefined
}

function start(...args: string[]): Run {
  const child = spawn(process.execPath, ['--import', 'tsx', 'lib/stats/main.ts', ...args])
  const run: Run = { child, stderr: '', exitCode: undefined }
  child.stderr.on('data', chunk => {
    run.stderr += chunk
  })
  child.on('close', code => {
    run.exitCode = code ?? -1
  })
  return run
}

async function withApi(run: (kubeconfig: string) => Promise<void>): Promise<void> {
  const api: FakeApi = await fakeApi(
    (request, response) => {
      if (request.url?.includes('watch=') === true) response.writeHead(200).flushHeaders()
      else {
        const items = request.url?.startsWith('/api/v1/nodes') === true ? [rawNode()] : [rawPod()]
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

const process_ = suite('main')

process_('serves the cluster and ends on SIGTERM within a second', async () => {
  await withApi(async kubeconfig => {
    const run = start('--kubeconfig', kubeconfig, '--context', 'lab', '--port', '0')
    try {
      await until('it is ready', () => run.stderr.includes('ready: 1 nodes, 1 running pods of 1'))
      const url = /listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(run.stderr)?.[1]
      assert.equal((await fetch(`${url}/readyz`)).status, 200)
      const summary = JSON.parse(await (await fetch(`${url}/nodes/node-0/stats/summary`)).text())
      assert.equal(summary.pods[0].podRef.uid, 'uid-web')
      const askedMs = Date.now()
      run.child.kill('SIGTERM')
      await until('it has ended', () => run.exitCode !== undefined)
      assert.equal(run.exitCode, 0)
      assert(Date.now() - askedMs < 1_000)
    } finally {
      run.child.kill('SIGKILL')
    }
  })
})

process_('says which port is in use', async () => {
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
  [['--port', '65536'], /Cannot use --port 65536/],
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
