/**
 * The DNS server of the real node: answers A queries for Services by their cluster addresses, and for pods of headless ones by theirs; all
 * others with "no such name".
 *
 *   tsx test/e2e/real-node/dns.ts <address> <kubeconfig>
 */
import { createSocket } from 'node:dgram'
import { connect } from '../../../lib/kube/api-client.ts'
import { fields, items, text } from '../../../lib/kube/json.ts'
import { startReflector } from '../../../lib/kube/reflector.ts'

const [address = '', kubeconfig = ''] = process.argv.slice(2)
/** Names with their addresses, by the UID of the object that has them. */
const named = new Map<string, readonly (readonly [string, string])[]>()
const NO_SUCH_NAME = 3
const TYPE_A = 1

const client = await connect({ kubeconfig })
const watch = (path: string, namesOf: (object: Record<string, unknown>, namespace: string) => [unknown, unknown][]) =>
  startReflector({
    client,
    path,
    signal: new AbortController().signal,
    reduce: raw => {
      const namespace = text(fields(fields(raw)['metadata'])['namespace'])
      return namesOf(fields(raw), `${namespace}.svc.cluster.local`).flatMap(([name, ip]) =>
        /^\d+\./.test(String(ip)) ? [[String(name), String(ip)] as const] : [],
      )
    },
    apply: event => void (event.type === 'set' ? named.set(event.key, event.object) : named.delete(event.key)),
  })
watch('/api/v1/services', ({ metadata, spec }, domain) => [
  [`${fields(metadata)['name']}.${domain}`, fields(spec)['clusterIP']],
])
watch('/apis/discovery.k8s.io/v1/endpointslices', ({ metadata, endpoints }, domain) => {
  const service = fields(fields(metadata)['labels'])['kubernetes.io/service-name']
  return items(endpoints)
    .map(fields)
    .map(({ hostname, addresses }) => [`${hostname}.${service}.${domain}`, items(addresses)[0]])
})

const socket = createSocket('udp4')
socket.on('message', (query, { address: to, port }) => {
  const labels: string[] = []
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length).toLowerCase())
    at += length + 1
  }
  const type = query.readUInt16BE(at + 1)
  const name = labels.join('.')
  const [, ip] = [...named.values()].flat().find(([each]) => each === name) ?? []
  const answers = ip !== undefined && type === TYPE_A ? 1 : 0
  const header = Buffer.alloc(12)
  query.copy(header, 0, 0, 2)
  header.writeUInt16BE(0x8580 | (ip === undefined ? NO_SUCH_NAME : 0), 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(answers, 6)
  // The name by a pointer to the question, type A, class IN, five seconds, four bytes.
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, ...(ip ?? '').split('.').map(Number)])
  socket.send(Buffer.concat([header, query.subarray(12, at + 5), ...(answers === 1 ? [record] : [])]), port, to)
})
socket.bind(53, address, () => process.stdout.write('listening\n'))
