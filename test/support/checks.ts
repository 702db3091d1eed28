/** Checks of a lab that runs, in either runtime. */
import assert from 'node:assert/strict'
import { existsSync, lstatSync, readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { parse } from 'yaml'
import { fields, items, text } from '../../lib/kube/json.ts'
import { components } from '../../lib/lab/components.ts'
import { readers } from '../../lib/lab/kubeconfig.ts'
import { projectDir } from '../../lib/lab/lab.ts'
import { portSettings } from '../../lib/system/ports.ts'
import { credentialsIn, privileges, type Source, sourcesOf, statusWith } from './credentials.ts'
import {
  assertSameWords,
  dockerOutput,
  filesBelow,
  listeningAddresses,
  listeningSockets,
  publishedPorts,
  type TestLab,
  waitFor,
} from './lab.ts'
import { containerNames, processNames } from './service-names.ts'

const isDocker = ({ env }: TestLab) => env['RUNTIME'] === 'docker'

/** How many parts a lab without Jaeger containers has. */
export function partCount(lab: TestLab): number {
  return components.length + (isDocker(lab) ? containerNames : processNames).length
}

/** Where in the lab's folder the rendered configurations are. */
function configFiles(lab: TestLab) {
  return isDocker(lab)
    ? { collector: 'containers/collector/otelcol.yaml', prometheus: 'containers/lgtm/prometheus.yaml' }
    : { collector: 'config/otelcol.yaml', prometheus: 'config/prometheus.yaml' }
}

/** Waits until Prometheus scrapes every part of the control plane: all targets are up. */
export async function assertTargetsUp(lab: TestLab, timeoutMs: number): Promise<void> {
  await waitFor(
    'target that is down',
    async () => {
      const answer = await fetch(`http://127.0.0.1:${lab.ports.prometheusPort}/api/v1/targets?state=active`)
      const targets = items(fields(fields(await answer.json())['data'])['activeTargets']).map(fields)
      const jobs = new Set(targets.map(target => text(fields(target['labels'])['job'])))
      assert.deepEqual(
        scrapeJobs().filter(job => !jobs.has(job)),
        [],
      )
      assert.deepEqual(
        targets.filter(target => target['health'] !== 'up').map(target => [target['scrapeUrl'], target['lastError']]),
        [],
      )
      for (const target of targets) assert.equal(fields(target['labels'])['k8s_cluster_name'], lab.name)
    },
    timeoutMs,
  )
}

/** The jobs of Prometheus that have targets in every lab: not the one whose targets `make kwok-metrics` makes. */
function scrapeJobs(): string[] {
  const base: unknown = parse(readFileSync(join(projectDir, 'kwok-config', 'prometheus.yaml'), 'utf8'))
  const jobs = items(fields(base)['scrape_configs']).map(fields)
  return jobs.filter(job => job['http_sd_configs'] === undefined).map(job => text(job['job_name']) ?? '')
}

/** Asserts that a lab listens on 127.0.0.1 alone. */
export async function assertOnLoopback(lab: TestLab): Promise<void> {
  if (isDocker(lab)) return assertPublishedOnLoopback(lab)
  const parts = await lab.partPids()
  const sockets = listeningSockets([...lab.processes().map(({ pid }) => pid), ...parts.values()])
  const found = new Set(sockets.map(({ address }) => address))
  // Without what METRICS and ALERTMANAGER add, as in the labs of the tests.
  const settings = portSettings.filter(name => !/^(kubeStateMetrics|alertmanager)/.test(name))
  for (const setting of settings) {
    assert.ok(found.has(`127.0.0.1:${lab.ports[setting]}`), `the socket of ${setting} was not found`)
  }
  // Those, the control plane's, and etcd's second one.
  assert.ok(found.size > settings.length + components.length, `only ${found.size} sockets were found`)
  assert.deepEqual(
    sockets.filter(({ address }) => !address.startsWith('127.0.0.1:')),
    [],
  )
}

/** Asserts that what the containers publish is bound to loopback; other programs of this machine are not looked at. */
function assertPublishedOnLoopback(lab: TestLab): void {
  const ports = publishedPorts(lab.name)
  const { prometheusPort, grafanaPort, otlpGrpcPort, otlpHttpPort, statsProxyPort, kubeletProxyPort, jaegerPort } =
    lab.ports
  const expected = [prometheusPort, grafanaPort, otlpGrpcPort, otlpHttpPort, statsProxyPort, kubeletProxyPort]
  if (lab.env['JAEGER'] === 'true') expected.push(jaegerPort)
  for (const port of expected) assert.ok(ports.includes(port), `port ${port} is not published`)
  // Those, the API server's, and kwok-controller's.
  assert.equal(ports.length, expected.length + 2)
  const addresses = listeningAddresses().filter(address => ports.includes(Number(address.split(':').at(-1))))
  assertSameWords(
    addresses,
    ports.map(port => `127.0.0.1:${port}`),
    'sockets of published ports',
  )
}

/** Asserts that keys are in files of mode 0600, and folders of mode 0700. */
export function assertSecretsPrivate(lab: TestLab): void {
  const names = ['config', 'data', 'kubeconfig', 'logs', 'pids', ...(isDocker(lab) ? ['containers'] : [])]
  const own = names.map(folder => join(lab.dir, folder))
  const folders = [lab.clusterDir, lab.dir, ...own]
  const open = folders.filter(folder => (statSync(folder).mode & 0o777) !== 0o700)
  assert.deepEqual(open, [], 'folders that others can enter')
  const secret = [...filesBelow(lab.dir), ...filesBelow(lab.clusterDir), lab.kubeconfig].filter(isSecret)
  const kubeconfigs = readers.map(reader => `kubeconfig/${reader}.yaml`)
  const passwords = isDocker(lab) ? ['config/grafana.password', 'lgtm/grafana.password'] : []
  for (const file of ['admin.key', 'ca.key', 'metrics-server.key', 'prometheus.token', ...passwords, ...kubeconfigs]) {
    assert.ok(
      secret.some(path => path.endsWith(`/${file}`)),
      `${file} was not looked at`,
    )
  }
  assert.deepEqual(
    secret.filter(file => (statSync(file).mode & 0o777) !== 0o600),
    [],
    'secrets that others can read',
  )
  const foldersOfSecrets = new Set(secret.filter(file => file.startsWith(lab.dir)).map(file => dirname(file)))
  const others = [...foldersOfSecrets].filter(folder => (statSync(folder).mode & 0o777) !== 0o700)
  assert.deepEqual(others, [], 'folders of secrets that others can enter')
}

function isSecret(file: string): boolean {
  if (file.endsWith('.password')) return true
  const stat = lstatSync(file)
  if (!stat.isFile() || stat.size > 2 ** 20) return false
  return /^-----BEGIN .*PRIVATE KEY-----$|^\s*(client-key-data|token): \S|^eyJ[\w-]+\.[\w-]+\.[\w-]+$/m.test(
    readFileSync(file, 'utf8'),
  )
}

/** Asserts that no credential of a lab can do more than to read what its parts measure. */
export async function assertCredentialsWeak(lab: TestLab): Promise<void> {
  const admin = fields(parse(readFileSync(lab.adminKubeconfig, 'utf8')))
  const server = {
    url: text(fields(fields(items(admin['clusters'])[0])['cluster'])['server']) ?? '',
    ca: readFileSync(join(lab.clusterDir, 'pki', 'ca.crt'), 'utf8'),
  }
  const pki = sourcesOf(['admin.crt', 'admin.key', 'ca.crt'].map(file => join(lab.clusterDir, 'pki', file)))
  const certificates = pki.map(({ text: pem }) => pem).filter(pem => pem.includes('BEGIN CERTIFICATE'))
  const asked = privileges((await lab.kubectl(['get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}'])).trim())

  // What the administrator's key gives shows that each question can be answered otherwise.
  const [adminKey] = credentialsIn(pki, certificates)
  assert(adminKey !== undefined)
  for (const privilege of asked) {
    const status = await statusWith(adminKey, server, privilege)
    assert.ok(![401, 403].includes(status), `the administrator may not ${privilege.name}: ${status}`)
  }

  const credentials = credentialsIn([...sourcesOf(filesBelow(lab.dir)), ...startedWith(lab)], certificates)
  for (const part of ['collector', 'stats-proxy', 'prometheus', 'traces', 'metrics-server']) {
    assert.ok(
      credentials.some(({ where, token }) => token !== undefined && where.endsWith(`/${part}.yaml`)),
      `the token of ${part} was not found`,
    )
  }
  const keys = credentials.filter(({ key }) => key !== undefined)
  assert.ok(
    keys.some(({ where, certificate }) => certificate !== undefined && where.endsWith('/metrics-server.key')),
    'the key of metrics-server was not found',
  )
  const tooMuch: string[] = []
  // A token is in several files.
  const different = new Map(credentials.map(each => [each.token ?? each.key, each]))
  for (const credential of different.values()) {
    if (certificates.some(each => credential.certificate === each)) tooMuch.push(`${credential.where} is of kwokctl`)
    for (const privilege of asked) {
      const status = await statusWith(credential, server, privilege)
      if (![401, 403].includes(status)) tooMuch.push(`${credential.where} may ${privilege.name}: ${status}`)
    }
  }
  assert.deepEqual(tooMuch, [])
}

/** What the lab's services are started with: their arguments, of containers all that the engine tells, and the files that these name. */
function startedWith(lab: TestLab): Source[] {
  const own = isDocker(lab) ? containersOf(lab) : processesOf(lab)
  const named = own.flatMap(({ text: said }) => said.match(/\/[^\s"',=:]+/g) ?? [])
  // Some mounted files are binary: what looks like a path in them may be none.
  return [...own, ...sourcesOf([...new Set(named)].filter(path => !isKernels(path) && existsSync(path)))]
}

function processesOf(lab: TestLab): Source[] {
  const pids = filesBelow(lab.pidsDir).filter(file => file.endsWith('.json'))
  assert.equal(pids.length, processNames.length)
  const commands = new Map(lab.processes().map(({ pid, command }) => [pid, command]))
  return pids.map(file => {
    const pid = Number(JSON.parse(readFileSync(file, 'utf8')).pid)
    return { where: `process of ${file}`, text: commands.get(pid) ?? assert.fail(`no process of ${file}`) }
  })
}

function containersOf(lab: TestLab): Source[] {
  const format = ['--filter', `label=kube-otel-lab.cluster=${lab.name}`, '--format', '{{.Names}}']
  const names = dockerOutput(['container', 'ls', ...format]).split('\n')
  return names
    .filter(name => name.startsWith('kube-otel-lab-'))
    .flatMap(name => {
      const told = dockerOutput(['container', 'inspect', name])
      const mounts = items(fields(items(JSON.parse(told))[0])['Mounts']).map(
        mount => text(fields(mount)['Source']) ?? '',
      )
      // A folder above would be too much by itself: of the user's, or of kwokctl's keys.
      const above = mounts.filter(source => [lab.clusterDir, lab.dir, homedir()].some(each => isWithin(each, source)))
      assert.deepEqual(above, [], `folders that ${name} sees`)
      const files = mounts.filter(source => !isKernels(source)).flatMap(filesBelowOrItself)
      return [{ where: `container ${name}`, text: told }, ...sourcesOf(files)]
    })
}

/** The kernel's own files: its figures, which the collector's container sees, and network namespaces. They hold no credentials, and some refuse to be read. */
function isKernels(path: string): boolean {
  return isWithin(path, '/proc') || path.includes('/netns/')
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`)
}

function filesBelowOrItself(path: string): string[] {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  return stat?.isDirectory() === true ? filesBelow(path) : [path]
}

/** A node as a person makes one. */
export function nodeByHand(name: string): unknown {
  const resources = { cpu: '8', memory: '32Gi', 'ephemeral-storage': '100Gi', pods: '110' }
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, annotations: { 'kwok.x-k8s.io/node': 'fake' }, labels: { 'kubernetes.io/hostname': name } },
    status: { allocatable: resources, capacity: resources },
  }
}

/** The nodes that the collector's configuration has a receiver for. */
export function receivers(lab: TestLab): Set<string> {
  const config = readFileSync(join(lab.dir, configFiles(lab).collector), 'utf8')
  return new Set([...config.matchAll(/^ {2}kubelet_stats\/(\S+):$/gm)].map(([, node = '']) => node))
}

/** What a run without change leaves as it was: processes, the objects' versions, files. */
export async function readAll(lab: TestLab): Promise<unknown> {
  // Without the pods of the CronJob, which makes others every second minute.
  const uids = async (...args: string[]) =>
    (await lab.kubectl(['get', ...args, '-A', '-o', 'jsonpath={.items[*].metadata.uid}'])).split(' ').sort()
  const kubeconfigs = readers.map(reader => `kubeconfig/${reader}.yaml`)
  const files = ['lab.json', ...Object.values(configFiles(lab)), ...kubeconfigs]
  return {
    parts: await lab.partPids(),
    objects: await uids('nodes,deployments,statefulsets,daemonsets,namespaces,clusterresourceusages'),
    pods: await uids('pods', '-l', 'app.kubernetes.io/managed-by=kube-otel-lab'),
    written: files.map(file => statSync(join(lab.dir, file)).mtimeMs),
    kubeconfig: lab.kubeconfigContent(),
  }
}
