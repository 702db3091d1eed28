import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { parse, parseAllDocuments } from 'yaml'
import { connect } from '../../../lib/kube/api-client.ts'
import {
  caPath,
  containerKubeconfigPath,
  kubeconfigPath,
  kubeconfigText,
  labNamespace,
  readers,
} from '../../../lib/lab/kubeconfig.ts'
import { projectDir } from '../../../lib/lab/lab.ts'
import { tempDir, tempLab } from '../../support/temp-lab.ts'
import { answer, fakeApi } from '../kube/fake-api.ts'
import { CERTIFICATE } from '../kube/tls.ts'

const given = { context: 'kwok-unit', server: 'https://127.0.0.1:1', caPem: CERTIFICATE, user: 'collector', token: 't' }

const texts = suite('kubeconfigText()')

texts('has the token and the CA, and verifies the server', () => {
  assert.deepEqual(parse(kubeconfigText(given)), {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'kwok-unit',
        cluster: {
          server: 'https://127.0.0.1:1',
          'certificate-authority-data': Buffer.from(CERTIFICATE).toString('base64'),
        },
      },
    ],
    users: [{ name: 'collector', user: { token: 't' } }],
    contexts: [{ name: 'kwok-unit', context: { cluster: 'kwok-unit', user: 'collector' } }],
    'current-context': 'kwok-unit',
  })
})

texts('checks the server as the kubeconfig of a user does', () => {
  const clusterOf = (tls: { servername?: string; rejectUnauthorized: boolean }) =>
    parse(kubeconfigText({ ...given, caPem: undefined, tls })).clusters[0].cluster
  const server = given.server
  assert.deepEqual(clusterOf({ rejectUnauthorized: true }), { server })
  assert.deepEqual(clusterOf({ rejectUnauthorized: false, servername: 'api.example' }), {
    server,
    'tls-server-name': 'api.example',
    'insecure-skip-tls-verify': true,
  })
})

texts('logs in to a server that the CA signed', async () => {
  const api = await fakeApi((request, response) => answer(response, 200, { was: request.headers.authorization }), {
    tls: true,
  })
  const kubeconfig = join(tempDir(), 'kubeconfig')
  writeFileSync(kubeconfig, kubeconfigText({ ...given, server: api.url, token: 'a token, quoted: "x"' }))
  const client = await connect({ kubeconfig })
  try {
    const { body } = await client.request('GET', '/')
    assert.deepEqual(body, { was: 'Bearer a token, quoted: "x"' })
  } finally {
    client.close()
    await api.close()
  }
})
texts.run()

const paths = suite('kubeconfigPath()')
paths('gives each reader a file of its own', () => {
  const lab = tempLab()
  const files = [...readers.map(reader => kubeconfigPath(lab, reader)), containerKubeconfigPath(lab)]
  assert.equal(new Set(files).size, readers.length + 1)
  for (const file of files) assert(file.startsWith(`${lab.kubeconfigDir}/`))
  assert.equal(caPath(lab), `${lab.clusterDir}/pki/ca.crt`)
})
paths.run()

const rbac = suite('kwok-config/rbac.yaml')
interface Rule {
  apiGroups?: string[]
  resources?: string[]
  nonResourceURLs?: string[]
  verbs: string[]
}
const objects = parseAllDocuments(readFileSync(join(projectDir, 'kwok-config', 'rbac.yaml'), 'utf8')).map(
  document => document.toJS() as { kind: string; metadata: { name: string; namespace?: string }; rules?: Rule[] },
)

rbac('has a service account and a role for each reader, and no other', () => {
  const named = (kind: string) => objects.filter(object => object.kind === kind).map(({ metadata }) => metadata.name)
  assert.deepEqual(named('ServiceAccount'), [...readers])
  assert.deepEqual(
    named('ClusterRole'),
    readers.map(reader => `kube-otel-lab-${reader}`),
  )
  assert.deepEqual(
    named('ClusterRoleBinding'),
    readers.map(reader => `kube-otel-lab-${reader}`),
  )
  assert.deepEqual(named('Namespace'), [labNamespace])
})

/** What only the stats proxy may do: write addresses of nodes and pods, and ask about its clients. */
const WRITES = ['patch nodes/status', 'patch pods/status', 'create tokenreviews', 'create subjectaccessreviews']

rbac('allows reading, without secrets, wildcards and node proxy, and only the writes of a kubelet', () => {
  const rules = objects.flatMap(object => object.rules ?? [])
  assert(rules.length > 0)
  for (const { verbs, resources = [], apiGroups = [], nonResourceURLs = [] } of rules) {
    for (const verb of verbs) {
      const isRead = ['get', 'list', 'watch'].includes(verb)
      assert(isRead || resources.every(each => WRITES.includes(`${verb} ${each}`)), `${verb} ${resources.join()}`)
    }
    for (const word of [...resources, ...apiGroups, ...nonResourceURLs]) {
      assert(!word.includes('*') && !['secrets', 'configmaps', 'serviceaccounts', 'nodes/proxy'].includes(word), word)
    }
  }
})
rbac.run()
