import assert from 'node:assert/strict'
import { suite } from 'uvu'
import {
  clusterService,
  createClusterEndpoints,
  endpointSlice,
} from '../../../../lib/kubelet/gateway/cluster-endpoints.ts'

const endpoints = suite('createClusterEndpoints()')

const port = (number: number, name = '') => ({ name, port: number, protocol: 'TCP' })

function slice(service: string, ports: unknown[], ...found: unknown[]): unknown {
  const [namespace, name] = service.split('/')
  return {
    metadata: { namespace, name: `${name}-x`, labels: { 'kubernetes.io/service-name': name } },
    ports,
    endpoints: found,
  }
}

function cluster() {
  const found = createClusterEndpoints()
  const slices = [
    slice('default/kubernetes', [port(6443, 'https')], { addresses: ['10.1.0.5'] }),
    slice('shop/hook', [port(9443, 'https')], { addresses: ['10.1.0.5'], conditions: { ready: true } }),
    slice('shop/hook', [port(9443, 'https')], { addresses: ['10.1.0.6'], conditions: { ready: false } }),
    slice('shop/pods', [port(8080)], { addresses: ['10.0.0.1'], nodeName: 'kwok-node-0000' }),
    slice('shop/targets', [port(8080)], { addresses: ['10.0.0.2'], targetRef: { kind: 'Pod', name: 'a' } }),
    slice('shop/copy', [port(6443)], { addresses: ['10.1.0.5', '127.0.0.1'] }),
  ]
  const services = [
    { type: 'ExternalName', name: 'metrics-server', externalName: 'localhost', ports: [port(4443, 'https')] },
    { type: 'ExternalName', name: 'api', externalName: 'localhost', ports: [port(6443)] },
    { type: 'ClusterIP', name: 'hook', clusterIPs: ['10.96.0.7'], ports: [port(443, 'https')] },
    { type: 'ClusterIP', name: 'pods', clusterIPs: ['10.96.0.8'], ports: [port(80)] },
    { type: 'ClusterIP', name: 'headless', clusterIPs: ['None'], ports: [port(80)] },
  ]
  for (const [at, each] of slices.entries()) {
    found.applySlice({ type: 'set', key: String(at), object: endpointSlice(each) })
  }
  for (const { name, ...spec } of services) {
    found.applyService({
      type: 'set',
      key: name,
      object: clusterService({ metadata: { namespace: 'shop', name }, spec }),
    })
  }
  return found
}

for (const [asked, expected] of [
  ['10.1.0.5:9443', '10.1.0.5:9443'],
  ['localhost:4443', 'localhost:4443'],
  ['10.96.0.7:443', '10.1.0.5:9443'],
  // A simulated pod, by its address, its reference and its Service.
  ['10.0.0.1:8080', undefined],
  ['10.0.0.2:8080', undefined],
  ['10.96.0.8:80', undefined],
  ['none:80', undefined],
  // Another port of an endpoint, of an external name, and of a cluster IP.
  ['10.1.0.5:22', undefined],
  ['localhost:22', undefined],
  ['10.96.0.7:9443', undefined],
  // The API server, also where another object names it.
  ['10.1.0.5:6443', undefined],
  ['93.184.216.34:443', undefined],
] as const) {
  endpoints(`${asked} leads to ${expected ?? 'nothing'}`, () => {
    const at = asked.lastIndexOf(':')
    const found = cluster().resolve({ host: asked.slice(0, at), port: Number(asked.slice(at + 1)) })
    assert.equal(found && `${found.host}:${found.port}`, expected)
  })
}

endpoints('a deleted object leads to nothing', () => {
  const found = cluster()
  found.applyService({ type: 'deleted', key: 'metrics-server' })
  assert.equal(found.resolve({ host: 'localhost', port: 4443 }), undefined)
})

endpoints.run()
