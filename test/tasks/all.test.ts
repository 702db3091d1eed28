/** Checks of every task, also of one that is added later. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import { projectDir } from '../../lib/lab/lab.ts'
import { freePort, freePorts, portVariables } from '../support/free-ports.ts'
import { cloneProject, filesBelow } from '../support/lab.ts'
import { importTask, runTask } from '../support/task.ts'

const dir = mkdtempSync(join(tmpdir(), 'kube-otel-lab-tasks-'))
process.once('exit', () => rmSync(dir, { recursive: true, force: true }))
const clusterName = `no-such-lab-${process.pid}`
const labDir = join(projectDir, '.lab', clusterName)
const { KUBECONFIG: _, FORCE_COLOR: __, ...inherited } = process.env
const env: NodeJS.ProcessEnv = {
  ...inherited,
  CLUSTER_NAME: clusterName,
  RUNTIME: 'binary',
  KWOK_WORKDIR: join(dir, 'kwok'),
  KUBECONFIG: join(dir, 'kubeconfig'),
  NO_COLOR: '1',
}

const tasks = readdirSync(join(projectDir, 'tasks'))
  .filter(file => file.endsWith('.ts'))
  .sort()
/** Tasks that have something to do without a cluster; every other one must refuse. */
const clusterless = [
  'bench.ts',
  'dashboards.ts',
  'doctor.ts',
  'programs-export.ts',
  'programs-import.ts',
  'k3d-create-cluster.ts',
  'k3d-down.ts',
  'kwok-check.ts',
  'kwok-create-cluster.ts',
  'kwok-down.ts',
  'kwok-scenario.ts',
  'lab-image.ts',
  'lint-dashboards.ts',
  'programs.ts',
  'reference.ts',
  'update-version.ts',
]

const start = async (task: string, args: string[], more: NodeJS.ProcessEnv = {}, project = projectDir) =>
  await importTask(task, args, { env: { ...env, ...more }, project })

const all = suite('tasks')

for (const task of tasks) {
  all(`${task} --help prints what it does and its flags on stdout, and nothing on stderr`, async () => {
    const { status, stdout, stderr } = await start(task, ['--help'])
    assert.deepEqual([status, stderr], [0, ''])
    const [about = '', empty, ...flags] = stdout.trimEnd().split('\n')
    assert.match(about, /^[A-Z].*\.$/)
    assert.equal(empty, '')
    for (const flag of flags) assert.match(flag, /^ {2}(--[\w-]+( <value>)?|<\w+>) {2,}\S/)
    assert.match(stdout, /^ {2}--cluster-name <value> .*CLUSTER_NAME, default queries-testing\)$/m)
    assert.match(stdout, /^ {2}--help /m)
  })

  all(`${task} refuses a misspelt flag by name`, async () => {
    const { status, stdout, stderr } = await start(task, ['--clutser-name', 'x'])
    assert.deepEqual([status, stdout], [2, ''])
    assert.match(
      stderr,
      /^Cannot read the command line: Unknown option '--clutser-name'\n {2}Next: use one of .*--cluster-name/,
    )
  })

  all(`${task} refuses a bad value, also of a setting that it does not read`, async () => {
    const { status, stdout, stderr } = await start(task, [], { NODE_COUNT: 'abc' })
    assert.deepEqual([status, stdout], [2, ''])
    assert.equal(
      stderr,
      'NODE_COUNT=abc is invalid: it must be a whole number from 1 to 20000\n  Next: set NODE_COUNT to another value\n',
    )
  })

  if (clusterless.includes(task)) continue
  all(`${task} refuses to go on without a cluster`, async () => {
    const { status, stdout, stderr } = await start(task, [])
    assert.deepEqual([status, stdout], [1, ''])
    const isContext = /^(k3d|in-cluster)-/.test(task)
    const [kind, target] = isContext ? ['k3d', 'k3d'] : ['KWOK', 'kwok']
    const other = isContext ? ', or set KUBE_CONTEXT to a context of your kubeconfig' : ''
    // Other tests have labs in this clone at the same time.
    assert.equal(
      stderr.replace(/: this clone has the labs .* selects one$/m, ''),
      `There is no ${kind} cluster "${clusterName}"\n  Next: make ${target} CLUSTER_NAME=${clusterName}${other}\n`,
    )
  })
}

all('are documented by a comment with two lines to paste, and export nothing', () => {
  for (const task of tasks) {
    const text = readFileSync(join(projectDir, 'tasks', task), 'utf8')
    const [comment = ''] = /^\/\*\*[\s\S]*?\*\//.exec(text) ?? []
    assert(comment.includes(`tsx tasks/${task}`), task)
    assert.doesNotMatch(text, /^export /m, task)
  }
})

all('give the same result in a process of their own', async () => {
  for (const [args, more] of [
    [['--help'], {}],
    [['--clutser-name', 'x'], {}],
    [[], { NODE_COUNT: 'abc' }],
    [[], {}],
  ] as const) {
    const { status, stdout, stderr } = runTask('kwok-nodes', [...args], { ...env, ...more })
    assert.deepEqual({ status, stdout, stderr }, await start('kwok-nodes.ts', [...args], more))
  }
})

all('leave no file behind', () => {
  assert(!existsSync(labDir))
  assert.deepEqual(readdirSync(dir), [])
})
all.run()

const others = suite('tasks that need no cluster')

others('kwok-down has nothing to do without a lab, any number of times', async () => {
  for (let times = 0; times < 2; times++) {
    const { status, stdout, stderr } = await start('kwok-down.ts', [])
    assert.deepEqual([status, stderr], [0, ''])
    assert.match(stdout, new RegExp(`^There is no lab "${clusterName}"`))
  }
})

others('k3d-down has nothing to do without a cluster, and k3d-create-cluster refuses an existing context', async () => {
  const nothing = { status: 0, stdout: `There is no k3d cluster "${clusterName}"\n`, stderr: '' }
  assert.deepEqual(await start('k3d-down.ts', []), nothing)
  const { status, stdout, stderr } = await start('k3d-create-cluster.ts', [], { KUBE_CONTEXT: 'mine' })
  assert.deepEqual([status, stdout], [2, ''])
  assert.match(
    stderr,
    /^KUBE_CONTEXT=mine names an existing cluster\n {2}Next: make k3d-lgtm k3d-collectors KUBE_CONTEXT=mine/,
  )
})

for (const task of [
  'k3d-lgtm.ts',
  'k3d-collectors.ts',
  'k3d-demo.ts',
  'k3d-port-forward.ts',
  'k3d-status.ts',
  'k3d-down.ts',
  'verify.ts',
  'verify-alerts.ts',
  'kwok-scenario.ts',
  'kwok-heal.ts',
]) {
  others(`${task} refuses a context that is not in the kubeconfig, and lists the contexts`, async () => {
    const file = join(dir, `${task}.kubeconfig`)
    writeFileSync(
      file,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        contexts: [
          { name: 'one', context: {} },
          { name: 'two', context: {} },
        ],
      }),
    )
    const { status, stdout, stderr } = await start(task, [], {
      KUBE_CONTEXT: 'three',
      KUBECONFIG: file,
      SCENARIO: 'crash-loop',
    })
    rmSync(file)
    assert.deepEqual([status, stdout], [2, ''])
    assert.equal(
      stderr,
      'KUBE_CONTEXT=three is invalid: your kubeconfig has no such context; it has one, two\n  Next: set KUBE_CONTEXT to one of them, or KUBECONFIG to another file\n',
    )
  })
}

others('k3d-collectors refuses a chart that does not exist before anything else', async () => {
  const { status, stderr } = await start('k3d-collectors.ts', [], { OTEL_CHART: join(dir, 'no-chart') })
  assert.equal(status, 2)
  assert.match(stderr, /^OTEL_CHART=\S+ is invalid: there is no \S+\n {2}Next: /)
})

const freePortVariables = async () => portVariables(await freePorts())

others('kwok-check prints nothing on success, and warns of KWOK variables without effect', async () => {
  const ports = await freePortVariables()
  assert.deepEqual(await start('kwok-check.ts', [], ports), { status: 0, stdout: '', stderr: '' })
  const warned = await start('kwok-check.ts', [], { ...ports, KWOK_KUBE_VERSION: 'v1' })
  const warning = 'Warning: ignored by the lab: KWOK_KUBE_VERSION\n'
  assert.deepEqual(warned, { status: 0, stdout: '', stderr: warning })
})

const sharedPort = String(await freePort())
for (const [fact, more, status, said] of [
  ['another runtime', { RUNTIME: 'podman' }, 2, /^RUNTIME=podman is invalid: it must be one of auto, docker, binary/],
  ['a cluster name', { CLUSTER_NAME: 'My_Lab' }, 2, /^CLUSTER_NAME=My_Lab is invalid/],
  ['more pods than there is room for', { POD_COUNT: '500000' }, 2, /^POD_COUNT=500000 is more than 50 nodes can hold/],
  [
    'a folder of dashboards that is not there',
    { DASHBOARDS_DIR: 'nowhere' },
    2,
    /^Cannot add the dashboards of \S+nowhere: there is no such file or folder/,
  ],
  [
    'a file of rules that is not there',
    { RULES_DIR: 'nowhere/*.yaml' },
    2,
    /^Cannot add the rules of \S+nowhere\/\*\.yaml: there is no such file or folder/,
  ],
  ['a kubeconfig', { KUBECONFIG: '/dev/null/config' }, 1, /^Cannot write the kubeconfig \/dev\/null\/config/],
  [
    'a port that two share',
    { PROMETHEUS_PORT: sharedPort, OTLP_HTTP_PORT: sharedPort },
    1,
    new RegExp(
      `^OTLP_HTTP_PORT and PROMETHEUS_PORT are both ${sharedPort}\\n {2}Next: set OTLP_HTTP_PORT to another port`,
    ),
  ],
  [
    'the Docker runtime where no engine answers',
    { RUNTIME: 'docker', DOCKER_HOST: `unix://${join(dir, 'no-engine.sock')}` },
    1,
    /^No Docker engine answers: .+\n {2}Next: start it, or select another with DOCKER_HOST .*; RUNTIME=binary/,
  ],
] as const) {
  others(`kwok-check refuses ${fact}, and creates nothing`, async () => {
    const refused = await start('kwok-check.ts', [], { ...(await freePortVariables()), ...more })
    assert.deepEqual([refused.status, refused.stdout], [status, ''])
    assert.match(refused.stderr, said)
    assert.match(refused.stderr, /\n {2}Next: \S.*\n$/)
    assert(!existsSync(labDir))
    assert.deepEqual(readdirSync(dir), [])
  })
}

for (const [fact, template, said] of [
  [
    'a pod template that is not YAML, with file and line',
    'kind: Pod\nmetadata: {name: load\nspec: [}\n',
    /^Cannot read .+kwok-config\/kwok-pod-template\.yaml:3:\d+: .+\n {2}Next: fix .+kwok-config/,
  ],
  [
    'a pod template that is not a Pod, with file and line',
    '# The load.\napiVersion: apps/v1\nkind: Deployment\nmetadata: { name: load }\n',
    /kwok-config\/kwok-pod-template\.yaml is not a Pod: it is Deployment\n {2}Next: put one Pod into/,
  ],
] as const) {
  others(`kwok-check refuses ${fact}, and creates nothing`, async () => {
    const project = mkdtempSync(join(tmpdir(), 'kube-otel-lab-clone-'))
    try {
      cloneProject(project)
      writeFileSync(join(project, 'kwok-config', 'kwok-pod-template.yaml'), template)
      const refused = await start('kwok-check.ts', [], await freePortVariables(), project)
      assert.deepEqual([refused.status, refused.stdout], [2, ''])
      assert.match(refused.stderr, said)
      assert(!existsSync(join(project, '.lab')))
      assert.deepEqual(readdirSync(dir), [])
    } finally {
      rmSync(project, { recursive: true })
    }
  })
}

others('a cluster of that name not created by the lab is neither used nor deleted', async () => {
  const clusterDir = join(dir, 'kwok', 'clusters', clusterName)
  const record = join(clusterDir, 'kwok.yaml')
  const config = 'apiVersion: config.kwok.x-k8s.io/v1alpha1\nkind: KwokctlConfiguration\noptions:\n  runtime: docker\n'
  mkdirSync(clusterDir, { recursive: true })
  writeFileSync(record, config)
  for (const task of ['kwok-check.ts', 'kwok-down.ts']) {
    const { status, stdout, stderr } = await start(task, [], await freePortVariables())
    assert.deepEqual([status, stdout], [1, ''], task)
    assert(
      stderr.startsWith(
        `The lab did not create KWOK cluster "${clusterName}": kwokctl created it with the docker runtime`,
      ),
    )
    assert.match(stderr, /\n {2}Next: set CLUSTER_NAME/)
  }
  assert.deepEqual(filesBelow(dir), [record])
  assert.equal(readFileSync(record, 'utf8'), config)
  assert(!existsSync(labDir))
  rmSync(join(dir, 'kwok'), { recursive: true })
})

others('kwok-create-cluster runs the checks of kwok-check before anything changes', async () => {
  const { status, stdout, stderr } = await start('kwok-create-cluster.ts', [], {
    ...(await freePortVariables()),
    KUBECONFIG: '/dev/null/config',
  })
  assert.deepEqual([status, stdout], [1, ''])
  assert.match(stderr, /^Cannot write the kubeconfig \/dev\/null\/config: .*\n {2}Next: /)
  assert(!existsSync(labDir))
  assert.deepEqual(readdirSync(dir), [])
})
others.run()
