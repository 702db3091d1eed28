import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { parseAllDocuments } from 'yaml'
import { fields } from '../../../lib/kube/json.ts'
import { projectDir } from '../../../lib/lab/lab.ts'
import {
  metricsServer,
  metricsServerHosts,
  metricsServerManifests,
  resolutionMs,
} from '../../../lib/services/metrics-server.ts'
import { tempLab, writeCluster } from '../../support/temp-lab.ts'
import { writeTestCa } from '../kube/ca.ts'

const base = readFileSync(join(projectDir, 'kwok-config', 'metrics-server.yaml'), 'utf8')
const objects = parseAllDocuments(metricsServerManifests(base, { host: 'localhost', port: 5443, caPem: 'the CA' })).map(
  document => fields(document.toJS()),
)
const only = (kind: string) => {
  const found = objects.filter(object => object['kind'] === kind)
  assert.equal(found.length, 1, kind)
  return fields(found[0])
}

const manifests = suite('metricsServerManifests()')

manifests('names the lab’s port and CA to the API server', () => {
  const spec = fields(only('APIService')['spec'])
  assert.deepEqual(spec['service'], { namespace: 'kube-otel-lab', name: 'metrics-server', port: 5443 })
  assert.equal(Buffer.from(String(spec['caBundle']), 'base64').toString(), 'the CA')
  assert(!('insecureSkipTLSVerify' in spec))
  const service = only('Service')
  assert.deepEqual(fields(service['metadata']), { name: 'metrics-server', namespace: 'kube-otel-lab' })
  assert.deepEqual(fields(service['spec'])['ports'], [
    { name: 'https', port: 5443, protocol: 'TCP', appProtocol: 'https' },
  ])
})

manifests('has a host name that is in its certificate', () => {
  const { name, namespace } = fields(only('Service')['metadata'])
  assert(metricsServerHosts.some(host => host === `${name}.${namespace}.svc`))
})

manifests('has only the rights to authenticate and authorize requests', () => {
  const roles = objects
    .filter(object => 'roleRef' in object)
    .map(object => [object['kind'], fields(object['roleRef'])['name']])
  assert.deepEqual(roles, [
    ['ClusterRoleBinding', 'system:auth-delegator'],
    ['RoleBinding', 'extension-apiserver-authentication-reader'],
  ])
})
manifests.run()

const services = suite('metricsServer')

services('scrapes the kubelets through the gateway and listens on loopback, with its own service account', async () => {
  process.env['METRICS_SERVER_BINARY'] = process.execPath
  const lab = tempLab({ metricsServerPort: '5443', kubeletProxyPort: '20251', collectionInterval: '20s' })
  await writeTestCa(lab.clusterDir)
  writeCluster(lab, { owner: lab.dir })
  const { name, args, env } = await metricsServer.process
    .spec(lab)
    .finally(() => delete process.env['METRICS_SERVER_BINARY'])
  assert.equal(name, 'metrics-server')
  const kubeconfig = `${lab.kubeconfigDir}/metrics-server.yaml`
  assert.deepEqual(args, [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    '--bind-address=127.0.0.1',
    '--secure-port=5443',
    `--tls-cert-file=${lab.kubeconfigDir}/metrics-server.crt`,
    `--tls-private-key-file=${lab.kubeconfigDir}/metrics-server.key`,
    '--kubelet-preferred-address-types=InternalIP',
    '--kubelet-use-node-status-port',
    `--kubelet-certificate-authority=${lab.clusterDir}/pki/ca.crt`,
    '--kubelet-request-timeout=9s',
    '--metric-resolution=20s',
  ])
  assert.deepEqual(env, { HTTPS_PROXY: 'http://127.0.0.1:20251', NO_PROXY: '127.0.0.1' })
})

services('scrapes at the collection interval, at least 10 s apart', () => {
  assert.deepEqual([1_000, 10_000, 15_000, 60_000].map(resolutionMs), [10_000, 10_000, 15_000, 60_000])
})
services.run()
