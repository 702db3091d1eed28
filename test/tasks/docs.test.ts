/**
 * README, CONTRIBUTING and docs: every command in a `sh` block is run by a named test, or its entry gives the reason why none runs it. Each command line is also
 * read here by the program that it calls, as far as that needs no lab: targets by `make --dry-run`, flags by the task itself, settings by their parsers.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { suite } from 'uvu'
import { resolveSettings, settingNames, variableOf } from '../../lib/cli/settings.ts'
import { imageNames, imageVariable } from '../../lib/docker/images.ts'
import { projectDir } from '../../lib/lab/lab.ts'
import { importTask } from '../support/task.ts'

/** A test that runs the command: a file below the project, with the text in it that runs it. Or the reason why no test can. */
type Evidence = { file: string; text: string } | { reason: string }

const runs = (file: string, text: string): Evidence => ({ file, text })
const not = (reason: string): Evidence => ({ reason })
const k3dJob = '.github/workflows/ci.yaml'

/** By target of make, which is the task of the same name, where there is one. The steps of `make kwok` need no entry: it runs them. */
const targets: Record<string, Evidence> = {
  kwok: runs('test/e2e/nodes/kwok.test.ts', "make(['kwok',"),
  'kwok-down': runs('test/e2e/bad-luck.test.ts', "make(['kwok-down'])"),
  'kwok-status': runs('test/e2e/shared/kwok.test.ts', "make(['kwok-status'])"),
  'kwok-scenario': runs('test/e2e/plain/scenarios.test.ts', "make(['kwok-scenario',"),
  'kwok-heal': runs('test/e2e/plain/scenarios.test.ts', "make(['kwok-heal'"),
  'kwok-metrics': runs('test/e2e/shared/changes/control-plane.test.ts', "make(['kwok-metrics'"),
  'kwok-boutique': runs('test/e2e/shared/changes/control-plane.test.ts', "make(['kwok-boutique'"),
  'kwok-boutique-down': runs('test/e2e/shared/changes/control-plane.test.ts', "make(['kwok-boutique-down'])"),
  'lint-dashboards': runs('test/tasks/lint-dashboards.test.ts', "importTask('lint-dashboards.ts'"),
  verify: runs('test/e2e/shared/changes/verify.test.ts', "task('verify'"),
  'verify-alerts': runs('test/e2e/plain/scenarios.test.ts', "= ['verify-alerts',"),
  report: runs('test/e2e/shared/page.test.ts', "task('report'"),
  view: runs('test/e2e/shared/changes/page.test.ts', "task('view'"),
  doctor: runs('test/tasks/doctor.test.ts', "importTask('doctor.ts'"),
  programs: runs('test/tasks/programs.test.ts', "importTask('programs.ts'"),
  'programs-export': not(
    'it packs 1 GB of programs; test/lib/programs/programs-archive.test.ts tests it on small ones',
  ),
  'programs-import': not('as programs-export'),
  reference: runs('test/tasks/reference.test.ts', "importTask('reference.ts'"),
  'update-version': not(
    'it changes the pins of the project; test/lib/programs/update-version.test.ts tests it on copies',
  ),
  bench: not('it takes minutes, and its result is the speed of the machine'),
  k3d: runs(k3dJob, 'make k3d'),
  'k3d-create-cluster': not('no k3d cluster can be created where the tests run; `make k3d` of the CI job k3d runs it'),
  'k3d-demo': runs(k3dJob, 'make k3d-demo'),
  'k3d-lgtm': runs('test/e2e/real-node.test.ts', "task('k3d-lgtm'"),
  'k3d-collectors': runs('test/e2e/real-node.test.ts', "task('k3d-collectors'"),
  'k3d-status': runs('test/e2e/real-node.test.ts', "task('k3d-status'"),
  'k3d-port-forward': runs('test/e2e/real-node.test.ts', "'k3d-port-forward'"),
  'k3d-down': runs('test/e2e/real-node.test.ts', "'k3d-down'"),
  'in-cluster': runs(
    'test/long/in-cluster.test.ts',
    "for (const step of ['dashboards', 'in-cluster-install', 'k3d-lgtm'])",
  ),
  'in-cluster-install': runs('test/long/in-cluster.test.ts', "task('in-cluster-install'"),
  'in-cluster-nodes': runs('test/long/in-cluster.test.ts', "done('in-cluster-nodes'"),
  'in-cluster-down': runs('test/long/in-cluster.test.ts', "done('in-cluster-down')"),
  'lab-image': not('it writes the files that test/images/lab.ts makes an image of'),
  lint: runs('.ci/run', 'make lint'),
  test: runs('.ci/run', 'make --no-print-directory test'),
  'test-unit': not('this test is part of it'),
  'test-e2e': not('make test runs the same files'),
  'test-long': not('it takes longer than make test may'),
}

/** By the beginning of a command that is neither make nor a task. */
const others: Record<string, Evidence> = {
  'npx tsx test/run.ts': runs('test/support/run.test.ts', "suite('test/run.ts')"),
  'cp report/index.json': not('it copies a file; test/tasks/report.test.ts compares reports'),
  'kubectl get nodes': runs('test/e2e/bad-luck.test.ts', "kubectl(['get', 'nodes'"),
  'kubectl get deployments': runs('test/support/traces.ts', "kubectl(['get', 'deployments'"),
  'kubectl top nodes': runs('test/support/shared-lab.ts', "kubectl(['top', 'nodes'"),
  'kubectl top pods': runs('test/e2e/shared/control-plane.test.ts', "kubectl(['top', 'pods'"),
  'kubectl get --raw': runs('test/e2e/shared/kubelets.test.ts', "kubectl(['get', '--raw'"),
  'kubectl get configmap scrape-configs-0': runs('test/long/in-cluster.test.ts', "'configmap', 'scrape-configs-0'"),
  'kubectl logs': runs('test/e2e/shared/kubelets.test.ts', "'logs', pod"),
  'kubectl create token': runs('test/e2e/shared/kubelets.test.ts', "'create', 'token'"),
  'curl --proxytunnel': runs('test/e2e/shared/kubelets.test.ts', 'getKubelet(lab, address'),
  'openssl req': not('it makes a certificate as the collector has one, whose requests the tests of the collector send'),
  'openssl x509': not('see openssl req'),
  'sudo ip route': not('it needs root, and changes the routes of the machine'),
  'socat TCP-LISTEN': not('it needs that route'),
  'kubectl get hpa': runs('test/e2e/shared/changes/control-plane.test.ts', "kubectl(['get', 'hpa'"),
  'kubectl annotate pod -n shop': runs(
    'test/e2e/shared/changes/control-plane.test.ts',
    "kubectl(['annotate', 'pod', '-n', 'shop'",
  ),
  'kubectl annotate pod -n team-a': runs(
    'test/lib/kubelet/objects/object-facts.test.ts',
    "'kube-otel-lab/usage-preset'",
  ),
  'kubectl auth can-i --list': runs('test/e2e/shared/traces.test.ts', "kubectl(['auth', 'can-i', '--list'"),
  'kubectl get clusterresourceusages': not('it only prints what kwok-usage applied'),
  'kubectl delete namespace demo': not('a plain kubectl command on a cluster of the user'),
  'curl -s http://127.0.0.1:10250/nodes/': runs('test/e2e/shared/stats-proxy.test.ts', "'metrics/cadvisor'"),
  'kill $(make -s kwok-status': runs('test/e2e/shared/kwok.test.ts', "make(['kwok-status'])"),
  'docker save': not('a plain docker command on another machine'),
  'docker load': runs('test/support/lab-images.ts', "'load'"),
  'kube-otel-lab/.ci/check': runs('test/tasks/ci.test.ts', "'.ci', 'check'"),
  jsonnet: not('it only prints what --dashboards - reads; test/tasks/verify.test.ts gives it to --rules -'),
  'helm install': runs('test/lib/in-cluster/chart.test.ts', "['template', 'kube-otel-lab', chart"),
  'docker buildx build': not('it needs a registry for the base image; .github/workflows/image.yaml runs it'),
  'docker build --tag': not('as docker buildx build; test/images/lab.ts makes an image of the same files'),
  'k3d image import': not('no k3d cluster can be created where the tests run'),
  less: not('it is interactive'),
  find: not('it only counts lines'),
}

/** Variables of commands that are no settings. */
const variables = [
  'REQUIRE',
  'AT_ONCE',
  'FILE',
  'IMAGE_PREFIX',
  'LAB_IMAGE',
  'KUBECONFIG',
  'XDG_CACHE_HOME',
  ...imageNames.map(imageVariable),
]

interface Command {
  file: string
  /** Without its comment. */
  text: string
  variables: Record<string, string>
  /** Without the variables before it, and pipes behind it. */
  words: string[]
}

const files = ['README.md', 'CONTRIBUTING.md', ...markdownBelow('docs')]
const texts = new Map(files.map(file => [file, readFileSync(join(projectDir, file), 'utf8')]))
const commands = [...texts].flatMap(([file, text]) => commandsIn(text).map(line => parseCommand(file, line)))
const makefile = readFileSync(join(projectDir, 'Makefile'), 'utf8').replaceAll('\\\n', ' ')
const kwokSteps = (/^KWOK_STEPS := (.*)$/m.exec(makefile)?.[1] ?? '').split(/\s+/)

function markdownBelow(folder: string): string[] {
  return readdirSync(join(projectDir, folder), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.md'))
    .map(file => join(folder, file))
    .sort()
}

function commandsIn(markdown: string): string[] {
  return [...markdown.matchAll(/^ *```sh\n(.*?)^ *```$/gms)]
    .flatMap(([, block = '']) => block.split('\n'))
    .map(line => line.replace(/(^|\s+)#.*$/, '').trim())
    .filter(line => line !== '')
}

function parseCommand(file: string, text: string): Command {
  const [first = ''] = text.split(' | ')
  const words = (first.match(/(?:'[^']*'|\S)+/g) ?? []).map(word => word.replaceAll("'", ''))
  const isLeading = (at: number) => words.slice(0, at).every(isAssignment)
  const assignments = words.filter((word, at) => isAssignment(word) && (words[0] === 'make' || isLeading(at)))
  return {
    file,
    text,
    variables: Object.fromEntries(assignments.map(word => [word.split('=')[0], word.slice(word.indexOf('=') + 1)])),
    words: words.filter(word => !assignments.includes(word)),
  }
}

function isAssignment(word: string): boolean {
  return /^[A-Z_]+=/.test(word)
}

/** The targets of make that a command runs, or the one of its task; undefined for another command. */
function targetsOf({ words }: Command): string[] | undefined {
  if (words[0] === 'make') return words.slice(1).filter(word => !word.startsWith('-'))
  const [, task] = /^npx tsx tasks\/([\w-]+)\.ts$/.exec(words.slice(0, 3).join(' ')) ?? []
  return task === undefined ? undefined : [task]
}

/** The entry of a command that is neither make nor a task: the longest beginning. Flags that name the cluster are left out. */
function entryOf({ text, words }: Command): string | undefined {
  const plain =
    words[0] === 'kubectl' ? words.join(' ').replace(/ --(context|kubeconfig) \S+| -n online-boutique/g, '') : text
  return Object.keys(others)
    .filter(key => plain.startsWith(key) || words.join(' ').startsWith(key))
    .sort((a, b) => b.length - a.length)[0]
}

const docs = suite('commands of README and docs')

docs('are found', () => {
  assert(commands.length > 80, `${commands.length}`)
  for (const file of ['README.md', 'docs/k3d.md', 'docs/reference/steps.md']) {
    assert(
      commands.some(command => command.file === file),
      file,
    )
  }
  assert.deepEqual(commandsIn('```sh\nmake a  # b\n# c\n```\n  ```sh\n  d | e\n  ```\n```\nf\n```\n'), [
    'make a',
    'd | e',
  ])
})

docs('stand in sh blocks only', () => {
  for (const [file, text] of texts) {
    const outside = text.replace(/^ *```sh\n.*?^ *```$/gms, '')
    const lines = outside.split('\n').filter(line => /^\s+(make|npx|docker) /.test(line))
    assert.deepEqual(lines, [], file)
  }
})

docs('have a test that runs them, or a reason why none does', () => {
  const missing = commands.filter(command => {
    const ran = targetsOf(command)
    if (ran === undefined) return entryOf(command) === undefined
    return ran.some(target => !(target in targets) && !kwokSteps.includes(target))
  })
  assert.deepEqual(
    missing.map(({ file, text }) => `${file}: ${text}`),
    [],
    'add an entry to test/tasks/docs.test.ts',
  )
})

docs('have no entry that no command uses', () => {
  const used = new Set(commands.flatMap(command => targetsOf(command) ?? entryOf(command) ?? []))
  assert.deepEqual(
    Object.keys({ ...targets, ...others }).filter(key => !used.has(key)),
    [],
  )
})

docs('are in the files of their tests', () => {
  for (const [command, evidence] of Object.entries({ ...targets, ...others })) {
    if ('reason' in evidence) continue
    const path = join(projectDir, evidence.file)
    assert(existsSync(path), `${command}: there is no ${evidence.file}`)
    assert(readFileSync(path, 'utf8').includes(evidence.text), `${command}: ${evidence.file} lacks ${evidence.text}`)
  }
})

docs('set only variables that exist, to valid values', () => {
  const known = new Set([...settingNames.map(variableOf), ...variables])
  for (const { file, text, variables: env } of commands) {
    for (const name of Object.keys(env)) {
      assert(known.has(name) || name.endsWith('_BINARY'), `${file}: ${text}: no variable ${name}`)
    }
    assert.doesNotThrow(() => resolveSettings({ flags: {}, env }), `${file}: ${text}`)
  }
})

docs('run targets that the Makefile has', () => {
  for (const { file, text, words, variables: env } of commands.filter(each => each.words[0] === 'make')) {
    const args = [...words.slice(1), ...Object.entries(env).map(([name, value]) => `${name}=${value}`)]
    const { status, stderr } = spawnSync('make', ['--dry-run', ...args], { cwd: projectDir, encoding: 'utf8' })
    assert.equal(status, 0, `${file}: ${text}: ${stderr}`)
  }
})

docs('call tasks with flags and arguments that they accept', async () => {
  const home = mkdtempSync(join(tmpdir(), 'kube-otel-lab-docs-'))
  try {
    for (const { file, text, words } of commands) {
      if (words[0] !== 'npx' || !words[2]?.startsWith('tasks/')) continue
      const args = words.slice(3).map(word => word.replace(/^~/, home))
      const { status, stderr } = await importTask(words[2].slice('tasks/'.length), [...args, '--help'], {
        env: { HOME: home },
      })
      assert.deepEqual([status, stderr], [0, ''], `${file}: ${text}`)
    }
  } finally {
    rmSync(home, { recursive: true })
  }
})

docs.run()

const pages = suite('README and docs')

pages('keep the README short', () => {
  assert((texts.get('README.md') ?? '').split('\n').length <= 151)
})

pages('link to files and headings that exist', () => {
  const anchors = (text: string) =>
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\w\s-]/g, '')
        .replaceAll(' ', '-'),
    )
  for (const [file, text] of texts) {
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue
      const [path = '', anchor] = target.split('#')
      const to = path === '' ? join(projectDir, file) : resolve(projectDir, dirname(file), path)
      assert(existsSync(to), `${file}: no file ${target}`)
      if (anchor !== undefined)
        assert(anchors(readFileSync(to, 'utf8')).includes(anchor), `${file}: no heading ${target}`)
    }
  }
})

pages('are all linked from the README', () => {
  const linked = [...(texts.get('README.md') ?? '').matchAll(/\]\(([^)\s#]+)/g)].map(([, target]) => target)
  assert.deepEqual(
    files.filter(file => file !== 'README.md' && !linked.includes(file)),
    [],
  )
})
pages.run()
