import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { connect, type KubeClient } from '../../lib/kube/api-client.ts'
import { fields } from '../../lib/kube/json.ts'
import { kubeconfigText } from '../../lib/lab/kubeconfig.ts'
import { writeFileAtomically } from '../../lib/lab/lab.ts'
import { signCertificate } from '../../lib/lab/lab-certificates.ts'
import { ensurePrograms } from '../../lib/programs/programs.ts'
import { waitUntil } from '../../lib/system/wait.ts'
import { testCa } from '../lib/kube/ca.ts'
import { freePort } from './free-ports.ts'
import { tempDir } from './temp-lab.ts'

/** A real kube-apiserver with RBAC and its etcd, and no controllers. */
export interface ApiServer {
  /** As a cluster administrator. */
  client: KubeClient
  /** The CA of the server and of client certificates. */
  ca: { caPem: string; caKeyPem: string; caFile: string }
  /** Writes a kubeconfig with a token and returns its path. */
  kubeconfig: (token: string) => string
  /** A token for a service account of `default`. */
  tokenOf: (account: string, spec?: Record<string, unknown>) => Promise<string>
  /**
   * Waits until a user has a right, in the words of a SubjectAccessReview: the server knows a new role a moment later, and others remember
   * for half a minute that it did not.
   */
  waitForRight: (user: string, attributes: object) => Promise<void>
  /** Creates an object. Throws when the server refuses it. */
  create: (path: string, object: unknown) => Promise<void>
  stop: () => Promise<void>
}

const ADMIN_TOKEN = 'admin-token'

/** Starts an API server on free ports. Its files go when the test file ends. */
export async function startApiServer(): Promise<ApiServer> {
  const [dir, programs, ports, ca] = await Promise.all([
    tempDir(),
    ensurePrograms(['etcd', 'kube-apiserver']),
    Promise.all([freePort(), freePort(), freePort()]),
    testCa(),
  ])
  const write = (name: string, content: string) => {
    // A program that has just started may read it.
    writeFileAtomically(join(dir, name), content)
    return join(dir, name)
  }
  const caFile = write('ca.crt', ca.caPem)
  const serving = await signCertificate({ name: 'kube-apiserver', hosts: ['127.0.0.1'], ...ca })
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const [etcdPort, peerPort, port] = ports
  const children: ChildProcess[] = []
  const run = (name: string, command: string, flags: Record<string, string>) => {
    const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: process.env['PATH'] } })
    let log = ''
    child.stderr.on('data', chunk => {
      log = (log + chunk).slice(-5_000)
    })
    children.push(child)
    const kill = () => child.kill('SIGKILL')
    process.once('exit', kill)
    return () => `${name}:\n${log}`
  }
  const etcdUrl = `http://127.0.0.1:${etcdPort}`
  const peerUrl = `http://127.0.0.1:${peerPort}`
  run('etcd', programs.etcd.path, {
    'data-dir': join(dir, 'etcd'),
    'listen-client-urls': etcdUrl,
    'advertise-client-urls': etcdUrl,
    'listen-peer-urls': peerUrl,
    'initial-advertise-peer-urls': peerUrl,
    'initial-cluster': `default=${peerUrl}`,
    'unsafe-no-fsync': 'true',
  })
  const logOf = run('kube-apiserver', programs['kube-apiserver'].path, {
    'etcd-servers': etcdUrl,
    'bind-address': '127.0.0.1',
    'secure-port': String(port),
    'tls-cert-file': write('server.crt', serving.certificate),
    'tls-private-key-file': write('server.key', serving.key),
    'client-ca-file': caFile,
    'token-auth-file': write('tokens.csv', `${ADMIN_TOKEN},admin,1,system:masters\n`),
    'authorization-mode': 'RBAC',
    'service-account-issuer': 'https://kubernetes.default.svc',
    'service-account-key-file': write('sa.pub', publicKey.export({ type: 'spki', format: 'pem' }).toString()),
    'service-account-signing-key-file': write('sa.key', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
    'disable-admission-plugins': 'ServiceAccount',
    'cert-dir': join(dir, 'certs'),
  })
  const server = `https://127.0.0.1:${port}`
  const kubeconfig = (token: string) => {
    return write(
      `${token.slice(-12)}.yaml`,
      kubeconfigText({ context: 'test', server, caPem: ca.caPem, user: 'u', token }),
    )
  }
  const client = await connect({ kubeconfig: kubeconfig(ADMIN_TOKEN) })
  await waitUntil({
    what: 'kube-apiserver',
    timeoutMs: 120_000,
    everyMs: 200,
    check: async () => {
      const { status } = await client.request('GET', '/readyz').catch(() => ({ status: 0 }))
      return status === 200 ? { done: true } : { pending: `readyz ${status}, ${logOf()}` }
    },
  })
  const create: ApiServer['create'] = async (path, object) => {
    const answer = await client.request('POST', path, { body: object })
    if (answer.status >= 300) throw new Error(`POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  }
  return {
    client,
    ca: { ...ca, caFile },
    kubeconfig,
    create,
    async waitForRight(user, attributes) {
      await waitUntil({
        what: `the right of ${user}`,
        timeoutMs: 60_000,
        everyMs: 50,
        check: async () => {
          const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews'
          const { body } = await client.request('POST', path, { body: { spec: { user, ...attributes } } })
          return fields(fields(body).status).allowed === true ? { done: true } : { pending: JSON.stringify(body) }
        },
      })
    },
    async tokenOf(account, spec = {}) {
      const path = `/api/v1/namespaces/default/serviceaccounts/${account}/token`
      const { body } = await client.request('POST', path, {
        body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec },
      })
      return (body as { status: { token: string } }).status.token
    },
    async stop() {
      client.close()
      const running = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
      await Promise.all(
        running.map(child => {
          const ended = new Promise(resolve => child.once('close', resolve))
          child.kill('SIGKILL')
          return ended
        }),
      )
    },
  }
}
