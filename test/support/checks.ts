/** Checks of a lab that runs, in either runtime. */
import assert from 'node:assert/strict'
import { lstatSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { fields, items, text } from '../../lib/kube/json.ts'
import { readers } from '../../lib/kubeconfig.ts'
import { components } from '../../lib/kwokctl.ts'
import { projectDir } from '../../lib/lab.ts'
import { portSettings } from '../../lib/ports.ts'
import { containerServiceNames, labServiceNames } from '../../lib/services.ts'
import {
  assertSameWords,
  filesBelow,
  listeningAddresses,
  listeningSockets,
  publishedPorts,
  type TestLab,
  waitFor,
} from './lab.ts'

const isDocker = ({ env }: TestLab) => env['RUNTIME'] === 'docker'

/** How many parts a lab without Jaeger containers has. */
export function partCount(lab: TestLab): number {
  return components.length + (isDocker(lab) ? containerServiceNames : labServiceNames).length
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
  for (const setting of portSettings) {
    assert.ok(found.has(`127.0.0.1:${lab.ports[setting]}`), `the socket of ${setting} was not found`)
  }
  // Those, the control plane's, and etcd's second one.
  assert.ok(found.size > portSettings.length + components.length, `only ${found.size} sockets were found`)
  assert.deepEqual(
    sockets.filter(({ address }) => !address.startsWith('127.0.0.1:')),
    [],
  )
}

/** Asserts that what the containers publish is bound to loopback; other programs of this machine are not looked at. */
function assertPublishedOnLoopback(lab: TestLab): void {
  const ports = publishedPorts(lab.name)
  const { prometheusPort, grafanaPort, otlpGrpcPort, otlpHttpPort, statsProxyPort } = lab.ports
  for (const port of [prometheusPort, grafanaPort, otlpGrpcPort, otlpHttpPort, statsProxyPort]) {
    assert.ok(ports.includes(port), `port ${port} is not published`)
  }
  // Those, the API server's, and kwok-controller's.
  assert.equal(ports.length, 7)
  const addresses = listeningAddresses().filter(address => ports.includes(Number(address.split(':').at(-1))))
  assertSameWords(
    addresses,
    ports.map(port => `127.0.0.1:${port}`),
    'sockets of published ports',
  )
}

/** Asserts that keys are in files of mode 0600, and the lab's folders have mode 0700. */
export function assertSecretsPrivate(lab: TestLab): void {
  const names = ['config', 'data', 'kubeconfig', 'logs', 'pids', ...(isDocker(lab) ? ['containers'] : [])]
  const own = names.map(folder => join(lab.dir, folder))
  const folders = [lab.clusterDir, lab.dir, ...own]
  const open = folders.filter(folder => (statSync(folder).mode & 0o777) !== 0o700)
  assert.deepEqual(open, [], 'folders that others can enter')
  const secret = [...filesBelow(lab.dir), ...filesBelow(lab.clusterDir), lab.kubeconfig].filter(isSecret)
  const kubeconfigs = readers.map(reader => `kubeconfig/${reader}.yaml`)
  for (const file of ['admin.key', 'ca.key', 'prometheus.token', ...kubeconfigs]) {
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
}

function isSecret(file: string): boolean {
  const stat = lstatSync(file)
  if (!stat.isFile() || stat.size > 2 ** 20) return false
  return /^-----BEGIN .*PRIVATE KEY-----$|^\s*(client-key-data|token): \S|^eyJ[\w-]+\.[\w-]+\.[\w-]+$/m.test(
    readFileSync(file, 'utf8'),
  )
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
  return new Set([...config.matchAll(/^ {2}kubeletstats\/(\S+):$/gm)].map(([, node = '']) => node))
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
