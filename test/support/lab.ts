import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { settingNames, variableOf } from '../../lib/cli/settings.ts'
import { imageNames, imageVariable } from '../../lib/docker/images.ts'
import { connect } from '../../lib/kube/api-client.ts'
import { openLab, projectDir } from '../../lib/lab/lab.ts'
import { labSockets } from '../../lib/lab/socket-dir.ts'
import { ensurePrograms, kwokPrograms } from '../../lib/programs/programs.ts'
import { query as queryPrometheus, type Sample } from '../../lib/prometheus/prometheus-client.ts'
import { isPortFree, type PortSetting } from '../../lib/system/ports.ts'
import { signalProcess } from '../../lib/system/processes.ts'
import { atExit } from './at-exit.ts'
import { freePorts, portVariables } from './free-ports.ts'

/** How a command ended, and its output. */
export interface Ended {
  /** 128 when a signal ended it. */
  exitCode: number
  stdout: string
  stderr: string
}

/** A command that runs in a process group of its own, as a terminal would start it. */
export interface Running {
  child: ChildProcess
  /** Its output so far, both streams in the order of arrival. */
  output: () => string
  ended: Promise<Ended>
  /** What Ctrl-C on a terminal does: SIGINT to the whole group. */
  interrupt: () => void
}

export interface CommandOptions {
  /** Added to the lab's environment; undefined takes a variable out. */
  env?: Readonly<Record<string, string | undefined>>
  /** The clone of the project to run in; default: this one. */
  project?: string
  limitMs?: number
}

export interface LabProcess {
  pid: number
  command: string
}

/** A lab for tests: everything that it has is its own, and goes with `cleanUp`. */
export interface TestLab {
  name: string
  context: string
  /** Ports by setting. */
  ports: Readonly<Record<PortSetting, number>>
  /** A folder for the test's own files; holds home, kubeconfig and KWOK_WORKDIR too. */
  tempDir: string
  kubeconfig: string
  kwokWorkdir: string
  clusterDir: string
  adminKubeconfig: string
  /** `.lab/<name>` of this clone. */
  dir: string
  pidsDir: string
  env: NodeJS.ProcessEnv
  /** `make` with targets and `NAME=value` words. */
  make: (words: readonly string[], options?: CommandOptions) => Promise<Ended>
  startMake: (words: readonly string[], options?: CommandOptions) => Running
  /** A task by name, as make runs it. */
  task: (name: string, args?: readonly string[], options?: CommandOptions) => Promise<Ended>
  /** kubectl as the cluster's administrator; what it printed. Fails when it does. */
  kubectl: (args: readonly string[], input?: string) => Promise<string>
  /** The API server's answer to a GET of the administrator, as kubectl get --raw has it, without a process. Fails for another status than 200. */
  get: (path: string) => Promise<unknown>
  /** Its answer to a POST. Fails unless it created what was sent. */
  post: (path: string, body: unknown) => Promise<unknown>
  query: (expression: string) => Promise<Sample[]>
  /** The lab's processes, with those of the steps that run at this moment. */
  processes: () => LabProcess[]
  /** Pid of each part that runs, as kwok-status has it. */
  partPids: () => Promise<Map<string, number>>
  /** The content of the kubeconfig; undefined without one. */
  kubeconfigContent: () => unknown
  /** Fails unless no process, file or port is left and the kubeconfig is as before. */
  assertNothingLeft: (kubeconfigBefore: unknown) => Promise<void>
  cleanUp: () => void
}

/** The longest that one command may take: a `make kwok` whose waits all run out ends before. */
const COMMAND_LIMIT_MS = 20 * 60_000

/** What tells one test lab from another. */
export interface LabIdentity {
  name: string
  /** Holds the home folder, the kubeconfig and KWOK_WORKDIR of the lab. */
  tempDir: string
  ports: TestLab['ports']
  settings: Readonly<Record<string, string>>
}

/** Chooses name and ports of a lab and creates its folders. Nothing runs yet. */
export async function newLabIdentity(word: string, settings: Readonly<Record<string, string>>): Promise<LabIdentity> {
  const name = `e2e-${word}-${process.pid}`
  const tempDir = realpathSync(mkdtempSync(join(tmpdir(), `${name}-`)))
  for (const folder of ['home', 'kwok']) mkdirSync(join(tempDir, folder))
  return { name, tempDir, ports: await freePorts(), settings: { ...runtimeSettings(), ...settings } }
}

/** A new lab, of which nothing runs yet. Its `cleanUp` also runs when the test process ends. */
export async function createTestLab(word: string, settings: Readonly<Record<string, string>> = {}): Promise<TestLab> {
  const lab = await openTestLab(await newLabIdentity(word, settings))
  return { ...lab, cleanUp: atExit(lab.cleanUp) }
}

/** A lab by its identity, also one that another process has created. */
export async function openTestLab({ name, tempDir, ports, settings }: LabIdentity): Promise<TestLab> {
  // With the real home folder, which has the caches of Go and npm, in case a program has yet to be built.
  const { kubectl: kubectlProgram } = await ensurePrograms(kwokPrograms)
  const kubeconfig = join(tempDir, 'kubeconfig.yaml')
  const kwokWorkdir = join(tempDir, 'kwok')
  const clusterDir = join(kwokWorkdir, 'clusters', name)
  const adminKubeconfig = join(clusterDir, 'kubeconfig.yaml')
  const dir = join(projectDir, '.lab', name)
  const home = join(tempDir, 'home')
  const env: NodeJS.ProcessEnv = {
    ...ownEnvironment(),
    // What a tool leaves in the home folder is then seen; the programs stay where they are.
    HOME: home,
    NO_COLOR: '1',
    XDG_CACHE_HOME: process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'),
    CLUSTER_NAME: name,
    KUBECONFIG: kubeconfig,
    KWOK_WORKDIR: kwokWorkdir,
    // Whatever Grafana the machine has.
    GRAFANA: 'page',
    ...portVariables(ports),
    ...settings,
  }

  const running = new Set<ChildProcess>()
  // A make that still runs would create again what is removed.
  const endCommands = atExit(() => {
    for (const { pid } of running) if (pid !== undefined) signalProcess(-pid, 'SIGKILL')
  })
  function start(command: string, args: readonly string[], options: CommandOptions = {}): Running {
    const { project = projectDir, limitMs = COMMAND_LIMIT_MS } = options
    const child = spawn(command, [...args], {
      cwd: project,
      env: { ...env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    running.add(child)
    let [stdout, stderr, both] = ['', '', '']
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString()
      both += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
      both += chunk.toString()
    })
    const signalGroup = (signal: NodeJS.Signals) => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, signal)
    }
    const timer = setTimeout(() => signalGroup('SIGKILL'), limitMs)
    const ended = new Promise<Ended>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', code => resolve({ exitCode: code ?? 128, stdout, stderr }))
    }).finally(() => {
      running.delete(child)
      clearTimeout(timer)
    })
    return { child, ended, output: () => both, interrupt: () => signalGroup('SIGINT') }
  }

  // -o: node_modules is this clone's, also where another one links to it; no test installs packages.
  const startMake = (words: readonly string[], options?: CommandOptions) =>
    start('make', ['-o', 'node_modules/.package-lock.json', ...words], options)

  function processes(): LabProcess[] {
    const marks = [`${tempDir}/`, `${dir}/`]
    return allProcesses().filter(
      ({ command }) =>
        marks.some(mark => command.includes(mark)) || command.split(' ').join('\n').includes(`--cluster-name\n${name}`),
    )
  }

  async function kubectl(args: readonly string[], input?: string): Promise<string> {
    const child = spawnSync(
      kubectlProgram.path,
      [
        '--kubeconfig',
        adminKubeconfig,
        '--context',
        `kwok-${name}`,
        '--cache-dir',
        join(tempDir, 'test-cache'),
        ...args,
      ],
      { encoding: 'utf8', input: input ?? '', maxBuffer: 2 ** 26, timeout: 60_000 },
    )
    assert.equal(child.status, 0, `kubectl ${args.join(' ')}: ${child.stderr}`)
    return child.stdout
  }

  async function ask(method: 'GET' | 'POST', path: string, sent?: unknown): Promise<unknown> {
    using client = await connect({ kubeconfig: adminKubeconfig, context: `kwok-${name}` })
    const { status, body } = await client.request(method, path, { body: sent })
    if (status !== (method === 'GET' ? 200 : 201))
      throw new Error(`${method} ${path}: ${status} ${JSON.stringify(body)}`)
    return body
  }

  function kubeconfigContent(): unknown {
    if (!existsSync(kubeconfig)) return undefined
    const view = spawnSync(kubectlProgram.path, ['--kubeconfig', kubeconfig, 'config', 'view', '--raw', '-o', 'json'])
    return JSON.parse(view.stdout.toString())
  }

  async function partPids(): Promise<Map<string, number>> {
    // Slow to load, and not needed by the tests that start no lab.
    const { partStatuses } = await import('../../lib/kwok/lab-status.ts')
    const statuses = await partStatuses(openLab({ flags: {}, env }))
    return new Map(statuses.flatMap(({ name: part, process }) => (process === undefined ? [] : [[part, process.pid]])))
  }

  async function assertNothingLeft(kubeconfigBefore: unknown): Promise<void> {
    await waitFor('end of all processes', () =>
      assertSameWords(
        processes().map(({ command }) => command),
        [],
      ),
    )
    assertSameWords(filesBelow(dir), [], 'files of .lab')
    if (env['RUNTIME'] === 'docker') assertSameWords(dockerLeftovers(name), [], 'containers, networks and volumes')
    assert.equal(existsSync(dir), false, `${dir} is still there`)
    assert.equal(existsSync(clusterDir), false, `${clusterDir} is still there`)
    const sockets = labSockets(openLab({ flags: {}, env })).dir
    assert.equal(existsSync(sockets), false, `${sockets} is still there`)
    assertSameWords(filesBelow(kwokWorkdir), [], 'files in KWOK_WORKDIR')
    assertSameWords(filesBelow(home), [], 'files in the home folder')
    for (const port of Object.values(ports)) assert.equal(await isPortFree(port), true, `port ${port} is in use`)
    assert.deepEqual(kubeconfigContent(), kubeconfigBefore, 'the kubeconfig')
  }

  const cleanUp = () => {
    endCommands()
    if (existsSync(dir) || existsSync(clusterDir)) {
      spawnSync(process.execPath, ['lib/cli/bundled.js', 'tasks/kwok-down.ts'], {
        cwd: projectDir,
        env,
        timeout: 60_000,
      })
    }
    // Whatever a failed test has left: each names a folder or the cluster of this lab alone.
    for (const { pid } of processes()) killHard(pid)
    rmSync(dir, { recursive: true, force: true })
    rmSync(tempDir, { recursive: true, force: true, maxRetries: 3 })
  }

  return {
    name,
    context: `kwok-${name}`,
    ports,
    tempDir,
    kubeconfig,
    kwokWorkdir,
    clusterDir,
    adminKubeconfig,
    dir,
    pidsDir: join(dir, 'pids'),
    env,
    make: (words, options) => startMake(words, options).ended,
    startMake,
    task: (task, args = [], options) =>
      start(process.execPath, [join('lib', 'cli', 'bundled.js'), join('tasks', `${task}.ts`), ...args], options).ended,
    kubectl,
    get: path => ask('GET', path),
    post: (path, body) => ask('POST', path, body),
    query: expression => queryPrometheus(`http://127.0.0.1:${ports.prometheusPort}`, expression),
    processes,
    partPids,
    kubeconfigContent,
    assertNothingLeft,
    cleanUp,
  }
}

/** Copies the project into a folder, as a second clone: own files, the same packages, no state. */
export function cloneProject(copy: string): void {
  const left = new Set(['node_modules', '.lab', '.git', 'test'])
  cpSync(projectDir, copy, {
    recursive: true,
    preserveTimestamps: true,
    filter: source => !left.has(relative(projectDir, source)),
  })
  symlinkSync(join(projectDir, 'node_modules'), join(copy, 'node_modules'))
}

/**
 * Waits until the check passes, and gives what it returns. Each `assert()` of a check needs a message: without one Node.js parses the
 * source file to make one, which takes seconds of CPU time, and with tsx a minute.
 *
 * Throws what the check threw last, with the name of what was waited for and for how long, when time runs out.
 */
export async function waitFor<T>(what: string, check: () => T | Promise<T>, timeoutMs = 120_000): Promise<T> {
  const startedMs = Date.now()
  for (;;) {
    const checkedMs = Date.now()
    try {
      return await check()
    } catch (error) {
      const waitedMs = Date.now() - startedMs
      if (waitedMs > timeoutMs) {
        const why = error instanceof Error ? error.message : String(error)
        throw new Error(`no ${what} within ${Math.round(waitedMs / 1000)} s: ${why}`, { cause: error })
      }
      // A check that starts programs, or loads a page, must not take the CPU from what it waits for.
      await sleep(Math.min(Math.max(250, 4 * (Date.now() - checkedMs)), 3_000))
    }
  }
}

/** Waits until the shop's autoscaler has scaled its Deployment to its least: in a lab's first minute it adds pods. */
export async function waitForAutoscaler({ kubectl }: TestLab): Promise<void> {
  const shop = ['--namespace', 'shop']
  const least = await kubectl(['get', 'hpa/frontend', ...shop, '--output', 'jsonpath={.spec.minReplicas}'])
  const isLeast = `--for=jsonpath={.status.readyReplicas}=${least}`
  // kubectl watches it; one call of TestLab.kubectl may take 60 s.
  await waitFor(
    'end of the scaling up',
    () => kubectl(['wait', 'deployment/frontend', ...shop, isLeast, '--timeout=50s']),
    180_000,
  )
}

/**
 * Asserts that two lists hold the same words, as often as each. Says the first few that differ: node:assert's comparison of
 * long lists takes seconds, and fills the screen.
 */
export function assertSameWords(actual: readonly string[], expected: readonly string[], what = 'the list'): void {
  const rest = (from: readonly string[], taken: readonly string[]) => {
    const counts = new Map<string, number>()
    for (const word of taken) counts.set(word, (counts.get(word) ?? 0) + 1)
    return from.filter(word => {
      const count = counts.get(word) ?? 0
      counts.set(word, count - 1)
      return count <= 0
    })
  }
  const [missing, unexpected] = [rest(expected, actual), rest(actual, expected)]
  const say = (words: readonly string[]) => `${words.length} (${words.slice(0, 4).join(', ')})`
  if (missing.length + unexpected.length === 0) return
  throw new Error(`${what}: missing ${say(missing)}, unexpected ${say(unexpected)}`)
}

/** Asserts that a text matches. Like for lists, the output of node:assert and uvu takes seconds and fills the screen. */
export function assertSays(text: string, pattern: RegExp): void {
  if (!pattern.test(text)) throw new Error(`${pattern} does not match\n${text}`)
}

/** Asserts that a command succeeded; fails with its whole output. */
export function assertDone({ exitCode, stdout, stderr }: Ended): void {
  if (exitCode !== 0) throw new Error(`exit code ${exitCode}\n${stdout}\n${stderr}`)
}

/**
 * Asserts that one step of `make` failed: which one, its exit code, and its message.
 * (make itself ends with 2 whatever the step's code.)
 */
export function assertRefused({ exitCode, stderr }: Ended, step: string, code: 1 | 2, message: RegExp): void {
  assertSays(stderr, message)
  // Of make kwok the target is named by make, and the step by what runs all of them.
  assertSays(stderr, new RegExp(`\\b${step}\\] Error ${code}|^Step ${step} failed\\n.*\\bkwok\\] Error ${code}`, 'm'))
  assert.equal(exitCode, 2)
}

/** How labs are tried: as processes, or in a run that docker.test.ts starts as containers of the images that it names. */
export const testRuntime = process.env['TEST_RUNTIME'] === 'docker' ? 'docker' : 'binary'

function runtimeSettings(): Record<string, string> {
  const images = imageNames.map(imageVariable).flatMap(name => (process.env[name] ? [[name, process.env[name]]] : []))
  return { RUNTIME: testRuntime, ...(testRuntime === 'docker' ? Object.fromEntries(images) : {}) }
}

/** What docker prints. Fails when it does. */
export function dockerOutput(args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('docker', args, { encoding: 'utf8', timeout: 120_000 })
  assert.equal(status, 0, `docker ${args.join(' ')}: ${stderr}`)
  return stdout
}

/** The ports of this machine that the containers of a lab publish. */
export function publishedPorts(name: string): number[] {
  const format = ['--filter', `network=kwok-${name}`, '--format', '{{.Ports}}']
  const all = dockerOutput(['container', 'ls', ...format])
  return [...new Set([...all.matchAll(/:(\d+)->/g)].map(([, port]) => Number(port)))]
}

/** Containers, running or not, networks and volumes that are a lab's. */
export function dockerLeftovers(name: string): string[] {
  const lists = [
    ['container', 'ls', '--all', '--filter', `label=kube-otel-lab.cluster=${name}`, '--format', '{{.Names}}'],
    ['container', 'ls', '--all', '--filter', `name=^kwok-${name}-`, '--format', '{{.Names}}'],
    ['network', 'ls', '--filter', `name=^kwok-${name}$`, '--format', '{{.Name}}'],
    ['volume', 'ls', '--filter', `name=^kube-otel-lab-${name}-`, '--format', '{{.Name}}'],
  ]
  return lists.flatMap(args => dockerOutput(args).split('\n')).filter(line => line !== '')
}

/** `address:port` of every listening TCP socket of this machine. */
export function listeningAddresses(): string[] {
  const { status, stdout, stderr } = spawnSync('ss', ['-Hltn'], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  return stdout.split('\n').flatMap(line => line.split(/\s+/)[3] ?? [])
}

/** `address` and `pid` of each TCP socket on which one of the processes listens. */
export function listeningSockets(pids: readonly number[]): { address: string; pid: number }[] {
  const ss = spawnSync('ss', ['-Hltnp'], { encoding: 'utf8' })
  if (ss.status === 0) {
    const sockets = ss.stdout.split('\n').flatMap(line => {
      const address = line.split(/\s+/)[3] ?? ''
      return [...line.matchAll(/pid=(\d+)/g)].map(([, pid]) => ({ address, pid: Number(pid) }))
    })
    return sockets.filter(({ pid }) => pids.includes(pid))
  }
  const lsof = spawnSync('lsof', ['-nP', '-a', '-iTCP', '-sTCP:LISTEN', '-p', pids.join(','), '-Fpn'], {
    encoding: 'utf8',
  })
  assert.equal(lsof.error, undefined, 'neither ss nor lsof can be run')
  let pid = 0
  return lsof.stdout.split('\n').flatMap(line => {
    if (line.startsWith('p')) pid = Number(line.slice(1))
    return line.startsWith('n') ? [{ address: line.slice(1), pid }] : []
  })
}

/** Whether a process runs (a zombie does not). */
export function isAlive(pid: number): boolean {
  return allProcesses().some(process => process.pid === pid)
}

/** kill -9; a process that is gone already is fine. */
export function killHard(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself meanwhile.
  }
}

/** Every file below a folder, by its path; none when there is no such folder. */
export function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => !entry.isDirectory())
    .map(entry => join(entry.parentPath, entry.name))
    .sort()
}

function allProcesses(): LabProcess[] {
  const { stdout } = spawnSync('ps', ['-ww', '-A', '-o', 'pid=', '-o', 'stat=', '-o', 'command='], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  })
  return stdout.split('\n').flatMap(line => {
    const [, pid, state, command = ''] = /^\s*(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? []
    return pid === undefined || state?.startsWith('Z') ? [] : [{ pid: Number(pid), command }]
  })
}

/** This process's environment without what would choose for the lab: its settings, KWOK's own, colours, and an outer make's. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const settings = new Set(settingNames.map(variableOf))
  const others = new Set(['FORCE_COLOR', 'MAKEFLAGS', 'MFLAGS', 'MAKELEVEL', 'MAKEOVERRIDES', 'MAKEFILES'])
  const isOurs = (name: string) =>
    settings.has(name) || others.has(name) || (name.startsWith('KWOK_') && name !== 'KWOK_BINARY')
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isOurs(name)))
}
