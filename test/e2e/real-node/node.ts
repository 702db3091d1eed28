import { type ChildProcess, spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import { programOptions } from '../../../lib/kwok/component-processes.ts'
import { controlPlanePrograms, ensurePrograms } from '../../../lib/programs/programs.ts'
import { versions } from '../../../lib/programs/versions.ts'
import { lastLogLines } from '../../../lib/services/process-services.ts'
import { signalProcess } from '../../../lib/system/processes.ts'
import { type Image, writeImageArchive } from '../../images/archive.ts'
import { labImages, pauseReference } from '../../images/lab.ts'
import { onPath, withLibraries } from '../../images/programs.ts'
import { atExit, sleepSync } from '../../support/at-exit.ts'
import { cniDir } from '../../support/requirements.ts'
import { nodePrograms } from './programs.ts'

/** The node's address, on an interface that leads nowhere; and those of pods. */
const NODE_IP = '10.77.0.1'
const POD_SUBNET = '10.88.0.0/16'
/** The first address of Services, by which pods know the API server. */
const SERVICE_IP = '10.0.0.1'

/** How a command ended, and its output. */
export interface Ended {
  exitCode: number
  stdout: string
  stderr: string
}

/** A command that runs on the node's network. */
export interface RunningCommand {
  child: ChildProcess
  output: () => string
  ended: Promise<Ended>
}

/** A real cluster of one real node, in a network and mount namespace of its own. */
export interface RealNode {
  /** The name of the node, and of the kubeconfig's context. */
  name: string
  context: string
  tempDir: string
  kubeconfig: string
  /** kubectl as the cluster's administrator; what it printed. Fails when it does. */
  kubectl: (args: readonly string[], input?: string) => Promise<string>
  /** Any command on the node's network. */
  run: (command: string, args: readonly string[], options?: CommandOptions) => Promise<Ended>
  start: (command: string, args: readonly string[], options?: CommandOptions) => RunningCommand
  /** Takes the node down: no process, namespace, cgroup or file is left. */
  close: () => void
}

export interface CommandOptions {
  env?: Readonly<Record<string, string | undefined>>
  input?: string
  limitMs?: number
}

/**
 * Starts a real node: kwokctl's control plane, containerd, kubelet and kube-proxy in a network and a mount namespace of their own, with the
 * lab's images and more. Ends when the node is Ready.
 *
 * Throws an Error with the end of the log of the part that failed; then nothing is left either.
 */
export async function startRealNode(moreImages: readonly Image[] = []): Promise<RealNode> {
  const name = `real-${process.pid}`
  const tempDir = realpathSync(mkdtempSync(join(tmpdir(), `${name}-`)))
  const children: ChildProcess[] = []
  let holder = 0
  const cgroup = `kol-${name}`

  const inNetwork = (command: string, args: readonly string[]) =>
    ['nsenter', ['--target', String(holder), '--net', '--', command, ...args]] as const
  const inside = (command: string, args: readonly string[]) =>
    ['nsenter', ['--target', String(holder), '--mount', '--net', '--', command, ...args]] as const

  function start(command: string, args: readonly string[], options: CommandOptions = {}): RunningCommand {
    const [file, words] = inNetwork(command, args)
    const { limitMs = 300_000, input } = options
    const child = spawn(file, words, { env: { ...process.env, ...options.env }, stdio: ['pipe', 'pipe', 'pipe'] })
    child.stdin.end(input ?? '')
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs)
    const ended = new Promise<Ended>(resolve => {
      child.once('error', error => resolve({ exitCode: 127, stdout, stderr: error.message }))
      child.once('close', code => {
        clearTimeout(timer)
        resolve({ exitCode: code ?? 128, stdout, stderr })
      })
    })
    return { child, output: () => stdout + stderr, ended }
  }
  const run: RealNode['run'] = (command, args, options) => start(command, args, options).ended

  async function need(command: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
    const { exitCode, stdout, stderr } = await run(command, args, options)
    if (exitCode !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr || stdout}`)
    return stdout
  }

  /** A part that runs until the end, its output in a file. */
  function serve(
    part: string,
    [file, words]: readonly [string, readonly string[]],
    env: Record<string, string> = {},
  ): ChildProcess {
    const log = openSync(logOf(part), 'a')
    const child = spawn(file, [...words], { stdio: ['ignore', log, log], env: { ...process.env, ...env } })
    children.push(child)
    return child
  }
  const logOf = (part: string) => join(tempDir, `${part}.log`)
  const write = (file: string, text: string) => {
    writeFileSync(join(tempDir, file), text, { mode: 0o600 })
    return join(tempDir, file)
  }

  async function until(what: string, part: string, holds: () => Promise<boolean>): Promise<void> {
    const endMs = Date.now() + 120_000
    while (!(await holds())) {
      if (Date.now() > endMs) throw new Error(`timed out waiting until ${what}:\n${lastLogLines(logOf(part), 25)}`)
      await sleep(200)
    }
  }

  const close = atExit(() => {
    // The holder last: by its namespaces all others are known.
    for (const child of [...children].reverse()) if (child.pid !== holder) child.kill('SIGKILL')
    endAll(holder, cgroup)
    rmSync(tempDir, { recursive: true, force: true })
  })

  try {
    for (const folder of ['containerd', 'kubelet', 'cni', 'kwok', 'home']) mkdirSync(join(tempDir, folder))
    const programs = await ensurePrograms(['kwokctl', ...controlPlanePrograms])
    const { kubelet, kubeProxy } = await nodePrograms()

    // What a node's programs write outside their configured folders is in memory, and goes with the namespace.
    const setUp = [
      'mount --make-rshared /',
      ...['/run', '/var/lib', '/var/log'].map(dir => `mount -t tmpfs tmpfs ${dir}`),
      'ip link set lo up',
      `ip link add lab0 type veth peer name lab1 && ip addr add ${NODE_IP}/24 dev lab0 && ip link set lab0 up && ip link set lab1 up`,
      'ip route add default dev lab0',
      'echo 1 > /proc/sys/net/ipv4/ip_forward',
      'echo ready',
      'exec sleep infinity',
    ].join(' && ')
    const holding = spawn('unshare', ['--mount', '--net', '--propagation', 'private', 'sh', '-c', setUp], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    children.push(holding)
    let heard = ''
    for (const stream of [holding.stdout, holding.stderr]) stream.on('data', chunk => (heard += chunk))
    await until(
      `the namespaces are there (${heard})`,
      'namespaces',
      async () => heard.includes('ready') || holding.exitCode !== null,
    )
    if (holding.exitCode !== null) throw new Error(`no namespaces: ${heard}`)
    holder = holding.pid ?? 0

    // The control plane.
    const clusterDir = join(tempDir, 'kwok', 'clusters', name)
    const pki = (file: string) => join(clusterDir, 'pki', file)
    const config = {
      apiVersion: 'config.kwok.x-k8s.io/v1alpha1',
      kind: 'KwokctlConfiguration',
      componentsPatches: [
        {
          name: 'kube-apiserver',
          extraArgs: [
            { key: 'advertise-address', value: NODE_IP },
            { key: 'kubelet-preferred-address-types', value: 'InternalIP' },
            { key: 'kubelet-client-certificate', value: pki('admin.crt') },
            { key: 'kubelet-client-key', value: pki('admin.key') },
            { key: 'kubelet-certificate-authority', value: pki('ca.crt') },
          ],
        },
      ],
      options: {
        // On a network that ends here.
        bindAddress: '0.0.0.0',
        kubeVersion: `v${versions.kubernetes}`,
        kubeApiserverCertSANs: [SERVICE_IP, NODE_IP],
        ...programOptions(programs),
      },
    }
    const env = { KWOK_WORKDIR: join(tempDir, 'kwok'), HOME: join(tempDir, 'home') }
    const create = [
      'create',
      'cluster',
      '--name',
      name,
      '--runtime',
      'binary',
      '--config',
      write('kwok.yaml', stringify(config)),
    ]
    // It would take the real node for one of its own.
    await need(programs.kwokctl.path, [...create, '--disable', 'kwok-controller', '--kubeconfig', '', '--wait', '2m'], {
      env,
    })
    const kubeconfig = write('kubeconfig.yaml', readFileSync(join(clusterDir, 'kubeconfig.yaml'), 'utf8'))
    const kubectl: RealNode['kubectl'] = (args, input) =>
      need(programs.kubectl.path, ['--kubeconfig', kubeconfig, ...args], {
        env,
        ...(input === undefined ? {} : { input }),
      })
    const context = (await kubectl(['config', 'current-context'])).trim()

    // The container runtime, with its images.
    const network = {
      cniVersion: '0.4.0',
      name: 'pods',
      plugins: [
        // Routed, not bridged: so that what goes to a Service and comes back goes through the node's own tables both times.
        {
          type: 'ptp',
          ipam: { type: 'host-local', ranges: [[{ subnet: POD_SUBNET }]], routes: [{ dst: '0.0.0.0/0' }] },
        },
        { type: 'portmap', capabilities: { portMappings: true } },
      ],
    }
    write('cni/10-pods.conflist', JSON.stringify(network))
    const containerdConfig = write(
      'containerd.toml',
      [
        'version = 2',
        `root = "${join(tempDir, 'containerd')}"`,
        'state = "/run/containerd"',
        '[grpc]',
        'address = "/run/containerd/containerd.sock"',
        '[plugins."io.containerd.grpc.v1.cri"]',
        `sandbox_image = "${pauseReference}"`,
        'restrict_oom_score_adj = true',
        '[plugins."io.containerd.grpc.v1.cri".cni]',
        `bin_dir = "${cniDir()}"`,
        `conf_dir = "${join(tempDir, 'cni')}"`,
        '',
      ].join('\n'),
    )
    serve('containerd', inside('containerd', ['--config', containerdConfig]))
    const ctr = async (...args: string[]) => {
      const [file, words] = inside('ctr', ['--namespace', 'k8s.io', ...args])
      return await run(file, words)
    }
    await until('containerd answers', 'containerd', async () => (await ctr('version')).exitCode === 0)
    const images = await labImages()
    // LGTM's readiness probe needs it.
    const lgtm = { ...images.lgtm, layers: [...images.lgtm.layers, withLibraries('usr/bin/cat', onPath('cat'))] }
    const archive = join(tempDir, 'images.tar')
    await writeImageArchive(archive, [lgtm, images.otelcol, images.node, images.pause, ...moreImages])
    const imported = await ctr('images', 'import', archive)
    if (imported.exitCode !== 0) throw new Error(`cannot import the images: ${imported.stderr}`)
    rmSync(archive)

    // The node.
    for (const hierarchy of cgroupDirs()) {
      mkdirSync(join(hierarchy, cgroup), { recursive: true })
      // A new cpuset is empty, and nothing can run in it.
      for (const file of ['cpuset.cpus', 'cpuset.mems']) {
        const own = join(hierarchy, cgroup, file)
        if (existsSync(own)) writeFileSync(own, readFileSync(join(hierarchy, file), 'utf8'))
      }
    }
    write('resolv.conf', `nameserver ${NODE_IP}\n`)
    const kubeletConfig = write('kubelet.yaml', stringify(kubeletConfiguration({ tempDir, cgroup, pki })))
    const tsx = ['--import', import.meta.resolve('tsx')]
    serve('dns', inNetwork(process.execPath, [...tsx, join(import.meta.dirname, 'dns.ts'), NODE_IP, kubeconfig]))
    const proxyConfig = write('kube-proxy.yaml', stringify(kubeProxyConfiguration(kubeconfig, name)))
    serve('kube-proxy', inside(kubeProxy, ['--config', proxyConfig]))
    const kubeletArgs = ['--config', kubeletConfig, '--kubeconfig', kubeconfig, '--hostname-override', name]
    serve('kubelet', inside(kubelet, [...kubeletArgs, '--node-ip', NODE_IP, '--root-dir', join(tempDir, 'kubelet')]))
    await until('the node is Ready', 'kubelet', async () => {
      const path = '{.items[*].status.conditions[?(@.type=="Ready")].status}'
      return (await kubectl(['get', 'nodes', '-o', `jsonpath=${path}`]).catch(() => '')) === 'True'
    })
    return { name, context, tempDir, kubeconfig, kubectl, run, start, close }
  } catch (error) {
    if (process.env['KEEP_FAILED_NODE'] === undefined) close()
    throw error
  }
}

/** https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/ */
function kubeletConfiguration({
  tempDir,
  cgroup,
  pki,
}: {
  tempDir: string
  cgroup: string
  pki: (file: string) => string
}) {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: pki('ca.crt') },
    },
    authorization: { mode: 'Webhook' },
    // Its names cover this address, and pods can check it by the CA that they have.
    tlsCertFile: pki('admin.crt'),
    tlsPrivateKeyFile: pki('admin.key'),
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${cgroup}`,
    failCgroupV1: false,
    failSwapOn: false,
    enforceNodeAllocatable: [],
    containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
    clusterDNS: [NODE_IP],
    clusterDomain: 'cluster.local',
    resolvConf: join(tempDir, 'resolv.conf'),
    // Test machines have little disk space, and the kubelet must not clean it up.
    evictionHard: { 'memory.available': '50Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    imageGCHighThresholdPercent: 100,
    syncFrequency: '10s',
  }
}

function kubeProxyConfiguration(kubeconfig: string, hostnameOverride: string) {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    clientConnection: { kubeconfig },
    hostnameOverride,
    mode: 'iptables',
    clusterCIDR: POD_SUBNET,
    // Sysctls of the machine, which a test must not set.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  }
}

/** The folders of the cgroup hierarchies: one of version 2, or one for each controller of version 1. */
function cgroupDirs(): string[] {
  const root = '/sys/fs/cgroup'
  if (existsSync(join(root, 'cgroup.controllers'))) return [root]
  return readdirSync(root)
    .map(name => join(root, name))
    .filter(dir => existsSync(join(dir, 'cgroup.procs')))
}

/** Ends every process in the node's cgroups or namespaces, and removes its cgroups. */
function endAll(holder: number, cgroup: string): void {
  const namespace = (pid: string, kind: string) => {
    try {
      return readlinkSync(`/proc/${pid}/ns/${kind}`)
    } catch {
      return undefined
    }
  }
  const own = ['mnt', 'net'].map(kind => namespace(String(holder), kind))
  const host = ['mnt', 'net'].map(kind => namespace('self', kind))
  const isOwn = (pid: string) =>
    ['mnt', 'net'].some((kind, index) => {
      const its = namespace(pid, kind)
      return its !== undefined && its === own[index] && its !== host[index]
    })
  const groups = () => cgroupDirs().flatMap(dir => foldersBelow(join(dir, cgroup)))
  let left = new Set<number>()
  for (let round = 0; round < 50; round++) {
    const inGroups = groups().flatMap(dir => readFileSync(join(dir, 'cgroup.procs'), 'utf8').split('\n'))
    const inSpaces = readdirSync('/proc').filter(name => /^\d+$/.test(name) && isOwn(name) && Number(name) !== holder)
    left = new Set([...inGroups, ...inSpaces].filter(pid => pid !== '').map(Number))
    if (left.size === 0) break
    for (const pid of left) signalProcess(pid, 'SIGKILL')
    sleepSync(100)
  }
  if (holder > 0) signalProcess(holder, 'SIGKILL')
  for (const dir of groups().reverse()) {
    for (let tries = 0; tries < 50 && existsSync(dir); tries++) {
      try {
        rmdirSync(dir)
      } catch {
        sleepSync(100)
      }
    }
  }
  if (left.size > 0) throw new Error(`processes of the node live on: ${[...left].join(', ')}`)
}

function foldersBelow(dir: string): string[] {
  if (!existsSync(dir)) return []
  const inner = readdirSync(dir, { withFileTypes: true }).filter(entry => entry.isDirectory())
  return [dir, ...inner.flatMap(entry => foldersBelow(join(dir, entry.name)))]
}
