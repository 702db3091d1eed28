import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import { parse } from 'yaml'
import { programOptions } from '../../../lib/kwok/component-processes.ts'
import {
  controlPlaneOf,
  createCluster,
  createClusterArgs,
  deleteCluster,
  kwokWarnings,
  startCluster,
  waitUntilServed,
} from '../../../lib/kwok/kwok-cluster.ts'
import { kwokctlEnv, kwokctlError } from '../../../lib/kwok/kwokctl.ts'
import { kwokctlConfig } from '../../../lib/kwok/kwokctl-config.ts'
import { staleLeases } from '../../../lib/kwok/stale-leases.ts'
import { clusterOwner, isClusterMade, requireCluster } from '../../../lib/lab/cluster-owner.ts'
import { componentPorts, components } from '../../../lib/lab/components.ts'
import { projectDir } from '../../../lib/lab/lab.ts'
import { versions } from '../../../lib/programs/versions.ts'
import { tempDir, tempLab, writeCluster } from '../../support/temp-lab.ts'

const base = readFileSync(join(projectDir, 'kwok-config', 'kwok.yaml'), 'utf8')

const configs = suite('kwokctlConfig()')
const options = programOptions({
  etcd: { path: '/p/etcd' },
  'kube-apiserver': { path: '/p/kube-apiserver' },
  'kube-controller-manager': { path: '/p/kube-controller-manager' },
  'kube-scheduler': { path: '/p/kube-scheduler' },
  kwok: { path: '/p/kwok' },
  kubectl: { path: '/p/kubectl' },
})
const made = parse(
  kwokctlConfig(base, { pki: '/c/pki', options, tracing: undefined, egressConfigPath: '/c/egress.yaml' }),
)

configs('adds programs and version to the base, and leaves its options', () => {
  assert.equal(made.kind, 'KwokctlConfiguration')
  assert.deepEqual(made.options, {
    ...parse(base).options,
    kubeVersion: `v${versions.kubernetes}`,
    etcdBinary: '/p/etcd',
    kubeApiserverBinary: '/p/kube-apiserver',
    kubeControllerManagerBinary: '/p/kube-controller-manager',
    kubeSchedulerBinary: '/p/kube-scheduler',
    kwokControllerBinary: '/p/kwok',
    kubectlBinary: '/p/kubectl',
  })
})

configs('gives controller manager and scheduler the cluster’s certificate, and turns their leader election off', () => {
  const extraArgs = [
    { key: 'tls-cert-file', value: '/c/pki/admin.crt' },
    { key: 'tls-private-key-file', value: '/c/pki/admin.key' },
    { key: 'leader-elect', value: 'false' },
  ]
  assert.deepEqual(made.componentsPatches.slice(1, 3), [
    { name: 'kube-controller-manager', extraArgs },
    { name: 'kube-scheduler', extraArgs },
  ])
})

configs('publishes the CA of the API server’s client certificate', () => {
  const [patch] = made.componentsPatches
  assert.equal(patch.name, 'kube-apiserver')
  const values = Object.fromEntries(
    patch.extraArgs.map(({ key, value }: { key: string; value: string }) => [key, value]),
  )
  assert.equal(values['requestheader-client-ca-file'], '/c/pki/ca.crt')
  assert.equal(values['requestheader-allowed-names'], 'kwok-admin')
  assert.equal(Object.keys(values).length, 5)
})

configs('leads kube-apiserver to the kubelets at the nodes’ addresses, with certificates both ways', () => {
  const [apiserver, kwok] = made.componentsPatches.slice(3)
  const flags = apiserver.extraArgs.map(({ key, value }: { key: string; value: string }) => `${key}=${value}`)
  assert.deepEqual(flags, [
    'egress-selector-config-file=/c/egress.yaml',
    'kubelet-preferred-address-types=InternalIP',
    'kubelet-client-certificate=/c/pki/admin.crt',
    'kubelet-client-key=/c/pki/admin.key',
    'kubelet-certificate-authority=/c/pki/ca.crt',
  ])
  assert.deepEqual(kwok, {
    name: 'kwok-controller',
    extraArgs: [{ key: 'node-port', value: '10250', override: true }],
  })
})

configs('listens on loopback only, and serves three kinds of KWOK', () => {
  const { options } = parse(base)
  assert.equal(options.bindAddress, '127.0.0.1')
  assert.deepEqual(options.enableCRDs, ['Metric', 'ResourceUsage', 'ClusterResourceUsage'])
})
configs.run()

const args = suite('createClusterArgs()')
args('gives the whole command line, without the user’s kubeconfig', () => {
  assert.equal(
    createClusterArgs('lab', '/c/kwok.yaml', 'binary').join('|'),
    'create|cluster|--name|lab|--runtime|binary|--config|/c/kwok.yaml|--kubeconfig|',
  )
})
args.run()

const envs = suite('kwokctlEnv()')
const ofUser = {
  HOME: '/root',
  ETCD_NAME: 'x',
  GOMEMLIMIT: '1MiB',
  HTTPS_PROXY: 'http://127.0.0.1:1',
  KWOK_KUBE_VERSION: 'v1.0.0',
  KWOK_BINARY: '/x',
  KWOK_WORKDIR: '/theirs',
  DOCKER_HOST: 'unix:///x',
}
for (const [runtime, ofDocker] of [
  ['binary', {}],
  ['docker', { DOCKER_HOST: 'unix:///x' }],
] as const) {
  envs(`is that of a service with the lab’s work folder, in the ${runtime} runtime`, () => {
    const lab = tempLab({ runtime })
    assert.deepEqual(kwokctlEnv(lab, ofUser, { runsTools: runtime === 'docker' }), {
      HOME: '/root',
      ...ofDocker,
      KWOK_WORKDIR: lab.kwokWorkdir,
    })
  })
}
envs.run()

const warnings = suite('kwokWarnings()')

warnings('are none without settings of the user', () => {
  assert.deepEqual(kwokWarnings(tempLab(), { HOME: '/root', KWOK_WORKDIR: '/x', KWOK_BINARY: '/x/kwok' }), [])
})

warnings('names the ignored variables, and the file that kwokctl reads', () => {
  const lab = tempLab()
  mkdirSync(lab.kwokWorkdir, { recursive: true })
  writeFileSync(join(lab.kwokWorkdir, 'kwok.yaml'), '')
  assert.deepEqual(kwokWarnings(lab, { KWOK_VERBOSITY: '1', KWOK_KUBE_VERSION: 'v1' }), [
    'Warning: ignored by the lab: KWOK_KUBE_VERSION, KWOK_VERBOSITY',
    `Warning: kwokctl also reads ${lab.kwokWorkdir}/kwok.yaml; where it and the lab differ the lab's settings win`,
  ])
})
warnings.run()

const errors = suite('kwokctlError()')
for (const [fact, stderr, said] of [
  [
    'gives message and error of JSON lines that are errors',
    '{"level":"INFO","msg":"Creating"}\n{"level":"ERROR","msg":"Failed","err":"no etcd"}\n',
    'Failed: no etcd',
  ],
  ['gives a message alone', '{"level":"ERROR","msg":"Failed"}', 'Failed'],
  ['gives lines that are no JSON', 'panic: x\n\n  goroutine 1\n', 'panic: x; goroutine 1'],
  ['gives the last five', [1, 2, 3, 4, 5, 6].join('x\nx'), 'x2x; x3x; x4x; x5x; x6'],
  ['reports that there is none', '\n', 'it logged no error'],
] as const) {
  errors(fact, () => assert.equal(kwokctlError(stderr), said))
}
errors.run()

const clusters = suite('requireCluster(), isClusterMade()')

clusters('names the other KWOK labs of the clone when there is none of that name', () => {
  const lab = tempLab()
  for (const name of ['small', 'context_k3d-lab', 'no-record']) mkdirSync(join(dirname(lab.dir), name))
  for (const name of ['small', 'context_k3d-lab']) writeFileSync(join(dirname(lab.dir), name, 'lab.json'), '{}')
  assert.throws(() => requireCluster(lab), {
    message: 'There is no KWOK cluster "unit": this clone has the labs "small"; CLUSTER_NAME selects one',
  })
})

clusters('refuses to go on without a cluster, and with one that is half made', () => {
  const lab = tempLab()
  const error = {
    name: 'LabError',
    message: 'There is no KWOK cluster "unit"',
    next: 'make kwok CLUSTER_NAME=unit',
    exitCode: 1,
  }
  assert.throws(() => requireCluster(lab), error)
  writeCluster(lab, { owner: lab.dir })
  rmSync(lab.adminKubeconfig)
  assert.equal(isClusterMade(lab), false)
  assert.throws(() => requireCluster(lab), error)
})

clusters('goes on with one of the lab', () => {
  const lab = tempLab()
  writeCluster(lab, { owner: lab.dir })
  requireCluster(lab)
})

clusters('refuses a cluster that kwokctl alone or another clone created', () => {
  for (const owner of [undefined, '/another/clone/.lab/unit']) {
    const lab = tempLab()
    writeCluster(lab, owner === undefined ? {} : { owner })
    assert.throws(() => requireCluster(lab), { name: 'LabError', message: /KWOK cluster "unit"/ })
  }
})
clusters.run()

const owners = suite('clusterOwner()')
owners('gives the folder of the lab that made it, and nothing of another hand’s', () => {
  const lab = tempLab()
  assert.equal(clusterOwner(lab), undefined)
  writeCluster(lab)
  assert.equal(clusterOwner(lab), undefined)
  writeCluster(lab, { owner: '/x/.lab/unit' })
  assert.equal(clusterOwner(lab), '/x/.lab/unit')
})
owners.run()

const ports = suite('componentPorts()')

ports('reads the first document of kwokctl’s record', () => {
  const lab = tempLab()
  const record = [
    'kind: KwokctlConfiguration',
    'options: { etcdPort: 1, kubeApiserverPort: 2, kubeControllerManagerPort: 3, kubeSchedulerPort: 4, kwokControllerPort: 5 }',
    '---',
    'kind: KwokConfiguration',
    'options: { etcdPort: 9 }',
    '',
  ].join('\n')
  writeCluster(lab, { record, owner: lab.dir })
  assert.deepEqual(componentPorts(lab), {
    etcd: 1,
    'kube-apiserver': 2,
    'kube-controller-manager': 3,
    'kube-scheduler': 4,
    'kwok-controller': 5,
  })
})

ports('refuses without a cluster', () => {
  assert.throws(() => componentPorts(tempLab()), /There is no KWOK cluster "unit"/)
})
ports.run()

const leases = suite('staleLeases()')
leases('gives the leases that were renewed before, but not those that were never renewed', () => {
  const leases = [
    ['old', '2026-01-01T00:00:00.000000Z'],
    ['new', '2026-01-01T00:00:02.000000Z'],
    ['never'],
    ['of-a-scenario', '2026-01-01T00:00:00.000000Z', 'kube-otel-lab-scenario'],
  ].map(([name, renewTime, holderIdentity]) => ({ metadata: { name }, spec: { renewTime, holderIdentity } }))
  assert.deepEqual(staleLeases(leases, Date.parse('2026-01-01T00:00:01Z')), ['old'])
})
leases.run()

// A kwokctl that records its call and runs a command: the tests are about the call, and about its failure.
const dir = tempDir()
const note = join(dir, 'note')
const fake = join(dir, 'kwokctl')
const runs = suite('createCluster(), startCluster(), deleteCluster()')
runs.before(() => {
  process.env.KWOKCTL_BINARY = fake
  process.env.KWOK_KUBE_VERSION = 'v0.0.1'
})
runs.after(() => {
  delete process.env.KWOKCTL_BINARY
  delete process.env.KWOK_KUBE_VERSION
})

function fakeKwokctl(rest: string): void {
  writeFileSync(fake, `#!/bin/sh\n{ printf '%s|' "$@"; echo; env | grep ^KWOK_ | sort; } > ${note}\n${rest}\n`)
  chmodSync(fake, 0o755)
}

runs(
  'creates with the lab’s configuration and without the user’s variables, after it has marked the cluster',
  async () => {
    const lab = tempLab()
    const keys = ['pki/ca.key', 'pki/admin.key', 'kubeconfig.yaml'].map(key => join(lab.clusterDir, key))
    fakeKwokctl(
      `cat ${lab.clusterDir}/kube-otel-lab >> ${note}; umask 0; mkdir ${lab.clusterDir}/pki; touch ${keys.join(' ')}`,
    )
    await createCluster(lab)
    const config = join(lab.configDir, 'kwok.yaml')
    assert.deepEqual(readFileSync(note, 'utf8').split('\n'), [
      `${createClusterArgs('unit', config, 'binary').join('|')}|`,
      `KWOK_WORKDIR=${lab.kwokWorkdir}`,
      lab.dir,
      '',
    ])
    for (const file of [config, ...keys]) assert.equal(statSync(file).mode & 0o777, 0o600, file)
    assert.equal(statSync(lab.clusterDir).mode & 0o777, 0o700)
  },
)

runs('reports kwokctl’s errors', async () => {
  const lab = tempLab()
  fakeKwokctl(`echo '{"level":"ERROR","msg":"Failed to create","err":"no space left"}' >&2; exit 1`)
  await assert.rejects(createCluster(lab), {
    name: 'LabError',
    message: 'kwokctl could not create cluster "unit": Failed to create: no space left',
    next: `read the logs in ${lab.clusterDir}/logs, then make kwok-down CLUSTER_NAME=unit and try again`,
  })
})

runs('removes pid files of foreign processes before kwokctl reads them, and does not end those processes', async () => {
  const lab = tempLab()
  writeCluster(lab, { owner: lab.dir })
  const pids = join(lab.clusterDir, 'pids')
  const theirs = spawn('sleep', ['60'], { stdio: 'ignore' })
  const ours = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', `${lab.clusterDir}/x`], {
    stdio: 'ignore',
  })
  try {
    writeFileSync(join(pids, 'etcd.pid'), `${theirs.pid}`)
    writeFileSync(join(pids, 'kube-apiserver.pid'), `${ours.pid}`)
    writeFileSync(join(pids, 'kube-scheduler.pid'), 'not a number')
    assert.deepEqual([...(await controlPlaneOf(lab).processes(lab)).keys()], ['kube-apiserver'])
    fakeKwokctl(`ls ${pids} >> ${note}`)
    await startCluster(lab)
    assert.deepEqual(readFileSync(note, 'utf8').split('\n'), [
      'start|cluster|--name|unit|',
      `KWOK_WORKDIR=${lab.kwokWorkdir}`,
      'kube-apiserver.pid',
      'kube-scheduler.pid',
      '',
    ])
    assert.equal(theirs.exitCode ?? theirs.signalCode, null)
  } finally {
    theirs.kill()
    ours.kill()
  }
})

/** A cluster whose processes run, but for the controller manager; `kubectl` finds the API server ready. */
async function withoutControllerManager(body: (lab: ReturnType<typeof tempLab>) => Promise<void>): Promise<void> {
  const lab = tempLab()
  writeCluster(lab, { owner: lab.dir })
  const kubectl = join(tempDir(), 'kubectl')
  writeFileSync(kubectl, '#!/bin/sh\n')
  chmodSync(kubectl, 0o755)
  process.env.KUBECTL_BINARY = kubectl
  const others = components.filter(name => name !== 'kube-controller-manager')
  const processes = others.map(name => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', `${lab.clusterDir}/${name}`])
    writeFileSync(join(lab.clusterDir, 'pids', `${name}.pid`), `${child.pid}`)
    return child
  })
  try {
    await body(lab)
  } finally {
    delete process.env.KUBECTL_BINARY
    for (const child of processes) child.kill()
  }
}

runs('starts a component again that has ended', () =>
  withoutControllerManager(async lab => {
    const pidFile = join(lab.clusterDir, 'pids', 'kube-controller-manager.pid')
    const program = `${process.execPath} -e 'setTimeout(() => {}, 300000)' ${lab.clusterDir}/kube-controller-manager`
    fakeKwokctl(`${program} > /dev/null 2>&1 & echo $! > ${pidFile}`)
    const restarted: unknown[] = []
    await waitUntilServed(lab, ended => restarted.push(ended))
    assert.deepEqual(restarted, [['kube-controller-manager']])
    assert.equal(readFileSync(note, 'utf8').split('\n')[0], 'start|cluster|--name|unit|')
    process.kill(Number(readFileSync(pidFile, 'utf8')))
  }),
)

runs('gives up a component that keeps ending, with the end of its log', () =>
  withoutControllerManager(async lab => {
    const log = join(lab.clusterDir, 'logs', 'kube-controller-manager.log')
    mkdirSync(join(lab.clusterDir, 'logs'))
    writeFileSync(log, 'F1 no such flag\n')
    fakeKwokctl('')
    let restarts = 0
    await assert.rejects(
      waitUntilServed(lab, () => {
        restarts += 1
      }),
      {
        name: 'LabError',
        message:
          'kube-controller-manager of KWOK cluster "unit" keeps ending: it ended after 3 restarts; its log ends with\n' +
          '    F1 no such flag',
        next: `read ${log}`,
      },
    )
    assert.equal(restarts, 3)
  }),
)

runs('deletes by kwokctl without the user’s kubeconfig, and removes the folder', async () => {
  const lab = tempLab()
  writeCluster(lab, { owner: lab.dir })
  fakeKwokctl('')
  await deleteCluster(lab)
  assert.equal(
    readFileSync(note, 'utf8').split('\n')[0],
    `delete|cluster|--name|unit|--kubeconfig|${lab.clusterDir}/no-kubeconfig|`,
  )
  assert(!existsSync(lab.clusterDir))
})

runs('removes the rest of an interrupted creation without kwokctl, also a second time', async () => {
  const lab = tempLab()
  mkdirSync(lab.clusterDir, { recursive: true })
  fakeKwokctl('exit 1')
  await deleteCluster(lab)
  await deleteCluster(lab)
  assert(!existsSync(lab.clusterDir))
})

runs('keeps the folder when kwokctl fails to delete', async () => {
  const lab = tempLab()
  writeCluster(lab, { owner: lab.dir })
  fakeKwokctl('exit 1')
  await assert.rejects(deleteCluster(lab), /kwokctl could not delete cluster "unit": it logged no error/)
  assert(existsSync(join(lab.clusterDir, 'kwok.yaml')))
})
runs.run()
