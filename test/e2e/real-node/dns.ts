/**
 * The DNS server of the real node: answers A queries for Services by their cluster addresses, all others with "no such name".
 *
 *   tsx test/e2e/real-node/dns.ts <address> <kubectl> <kubeconfig>
 */
import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { promisify } from 'node:util'

const [address = '', kubectl = '', kubeconfig = ''] = process.argv.slice(2)
const addressOf = new Map<string, string>()
let readMs = 0
const NO_SUCH_NAME = 3
const TYPE_A = 1

async function readServices(): Promise<void> {
  const path = '{range .items[*]}{.metadata.name}.{.metadata.namespace} {.spec.clusterIP}{"\\n"}{end}'
  const args = ['--kubeconfig', kubeconfig, 'get', 'services', '-A', '-o', `jsonpath=${path}`]
  const { stdout } = await promisify(execFile)(kubectl, args)
  addressOf.clear()
  for (const line of stdout.split('\n')) {
    const [name = '', ip = ''] = line.split(' ')
    if (/^\d+\./.test(ip)) addressOf.set(`${name}.svc.cluster.local`, ip)
  }
}

const socket = createSocket('udp4')
socket.on('message', async (query, { address: to, port }) => {
  const labels: string[] = []
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length).toLowerCase())
    at += length + 1
  }
  const type = query.readUInt16BE(at + 1)
  const name = labels.join('.')
  // A pod often asks for names that do not exist: it tries its search list first.
  if (name.endsWith('.svc.cluster.local') && !addressOf.has(name) && Date.now() - readMs > 5_000) {
    readMs = Date.now()
    await readServices().catch(() => {})
  }
  const ip = addressOf.get(name)
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
