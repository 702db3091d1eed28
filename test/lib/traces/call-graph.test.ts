import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { callGraph } from '../../../lib/traces/call-graph.ts'
import { workloadFacts } from '../../../lib/traces/traced-objects.ts'
import { service, workload } from './trace-fixtures.ts'

const graphs = suite('callGraph()')

/** `a>b` for each call of the graph, by names. */
function edgesOf(graph: ReturnType<typeof callGraph>): string[] {
  return [...graph.callers.values()].flatMap(({ workload, calls }) =>
    calls.map(call => `${workload.name}>${call.serviceName}`),
  )
}

graphs('has an edge for each variable that names a Service; its roots are not called', () => {
  const graph = callGraph(
    [
      workload('load', { FRONTEND_ADDR: 'web:80' }),
      workload('web', { CART_SERVICE_ADDR: 'cart:80', ADS_ADDR: 'ads:80' }),
      workload('cart'),
      workload('ads'),
      workload('alone'),
    ],
    [service('web'), service('cart'), service('ads')],
  )
  assert.deepEqual(edgesOf(graph), ['load>web', 'web>cart', 'web>ads'])
  assert.deepEqual(
    graph.roots.map(({ workload }) => workload.name),
    ['load'],
  )
  assert.deepEqual(graph.problems, [])
})

for (const [value, expected] of [
  ['cart:80', 'shop/cart'],
  ['cart', 'shop/cart'],
  ['cart.shop:80', 'shop/cart'],
  ['cart.shop.svc:80', 'shop/cart'],
  ['cart.shop.svc.cluster.local:80', 'shop/cart'],
  ['http://cart:80/path', 'shop/cart'],
  ['redis://cart', 'shop/cart'],
] as const) {
  graphs(`reads ${value}`, () => {
    const graph = callGraph([workload('web', { CART_ADDR: value })], [service('cart')])
    assert.deepEqual([...graph.services.keys()], [expected])
    assert.deepEqual(graph.problems, [])
  })
}

for (const [value, why] of [
  ['nowhere:80', 'names no Service, not used'],
  ['cart.other:80', 'names no Service, not used'],
  ['cart.shop.example.com:80', 'names no Service, not used'],
  ['cart:81', 'names no port of Service shop/cart, not used'],
  ['0.0.0.0:80', 'names no Service, not used'],
  [':80', 'is not a host:port, not used'],
  ['cart:port', 'is not a host:port, not used'],
  ['$(CART)', 'names no Service, not used'],
] as const) {
  graphs(`ignores ${value} with one problem, and keeps the others`, () => {
    const graph = callGraph([workload('web', { A_ADDR: value, B_ADDR: 'ads:80' })], [service('cart'), service('ads')])
    assert.deepEqual(edgesOf(graph), ['web>ads'])
    assert.deepEqual(graph.problems, [`Deployment shop/web: A_ADDR=${value} ${why}`])
  })
}

graphs('reads only variables that end in _ADDR, and merges two with the same target', () => {
  const env = { CART_ADDR: 'cart:80', BASKET_ADDR: 'cart.shop:80', CART_URL: 'ads:80', ADDR_CART: 'ads:80' }
  assert.deepEqual(edgesOf(callGraph([workload('web', env)], [service('cart'), service('ads')])), ['web>cart'])
})

graphs('uses the first value of a variable in two containers', () => {
  const env = (value: string) => ({ env: [{ name: 'A_ADDR', value }] })
  const template = { spec: { containers: [env('cart:80'), env('ads:80')] } }
  const facts = workloadFacts('Deployment', {
    metadata: { uid: 'u', name: 'web', namespace: 'shop' },
    spec: { template },
  })
  assert.deepEqual(edgesOf(callGraph(facts === undefined ? [] : [facts], [service('cart'), service('ads')])), [
    'web>cart',
  ])
})

graphs('uses a Service of another namespace only if the variable names it', () => {
  const services = [service('cart', undefined, 'other')]
  assert.deepEqual(edgesOf(callGraph([workload('web', { A_ADDR: 'cart:80' })], services)), [])
  assert.deepEqual(edgesOf(callGraph([workload('web', { A_ADDR: 'cart.other:80' })], services)), ['web>cart'])
})

graphs('a workload that only calls itself is a root', () => {
  const graph = callGraph([workload('web', { WEB_ADDR: 'web:80' })], [service('web')])
  assert.equal(graph.roots.length, 1)
})

graphs('reports a graph without a root', () => {
  const graph = callGraph(
    [workload('a', { B_ADDR: 'b:80' }), workload('b', { A_ADDR: 'a:80' })],
    [service('a'), service('b')],
  )
  assert.deepEqual(graph.roots, [])
  assert.match(graph.problems.join(), /^no requests begin anywhere: a, b call others/)
})

for (const [port, protocol] of [
  [{ name: 'grpc', port: 7070 }, 'grpc'],
  [{ name: 'main', port: 7070, appProtocol: 'grpc' }, 'grpc'],
  [{ name: 'http', port: 7070 }, 'http'],
  [{ port: 8080 }, 'http'],
  [{ name: 'tcp-redis', port: 7070 }, 'redis'],
  [{ port: 6379 }, 'redis'],
  [{ port: 7070 }, 'tcp'],
] as const) {
  graphs(`takes port ${JSON.stringify(port)} for ${protocol}`, () => {
    assert.equal(service('cart', port).ports[0]?.protocol, protocol)
  })
}
graphs.run()
