/** Reads the kubelets of a lab at the nodes' own addresses, through the CONNECT port. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { request as tlsRequest } from 'node:https'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { text as readText } from 'node:stream/consumers'
import { connect } from 'node:tls'
import { fields, items, text } from '../../lib/kube/json.ts'
import type { TestLab } from './lab.ts'

/** The InternalIP of each node, by name. */
export async function nodeAddresses(lab: TestLab): Promise<Map<string, string>> {
  return new Map(
    items(fields(await lab.get('/api/v1/nodes'))['items']).map(node => {
      const { metadata, status } = fields(node)
      const found = items(fields(status)['addresses']).find(each => fields(each)['type'] === 'InternalIP')
      return [text(fields(metadata)['name']) ?? '', text(fields(found)['address']) ?? '']
    }),
  )
}

/** A token of a service account of the lab. */
export async function tokenOf(lab: TestLab, account: string): Promise<string> {
  const path = `/api/v1/namespaces/kube-otel-lab/serviceaccounts/${account}/token`
  return String(fields(fields(await lab.post(path, {}))['status'])['token'])
}

/** The status of a CONNECT at the port for tools, and its tunnel. */
export async function openTunnel(lab: TestLab, to: string): Promise<{ status: number; socket: Socket }> {
  return await new Promise((resolve, reject) => {
    const asked = request({
      host: '127.0.0.1',
      port: lab.ports.kubeletProxyPort,
      method: 'CONNECT',
      path: to,
      agent: false,
    })
    asked.once('error', reject)
    asked.once('connect', ({ statusCode = 0 }, socket) => resolve({ status: statusCode, socket: socket as Socket }))
    asked.end()
  })
}

/** GETs a path of the kubelet at an address, whose certificate the cluster's CA must have signed. */
export async function getKubelet(
  lab: TestLab,
  address: string,
  { path, token }: { path: string; token?: string | undefined },
): Promise<{ status: number; body: string }> {
  const { status, socket } = await openTunnel(lab, `${address}:10250`)
  if (status !== 200) throw new Error(`CONNECT ${address}:10250 got ${status}`)
  const ca = readFileSync(join(lab.clusterDir, 'pki', 'ca.crt'))
  return await new Promise((resolve, reject) => {
    const asked = tlsRequest(
      {
        path,
        headers: { host: `${address}:10250`, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
        createConnection: () => connect({ socket, ca, host: address }),
      },
      response => {
        let body = ''
        response.on('data', chunk => {
          body += chunk
        })
        response.once('end', () => {
          socket.destroy()
          resolve({ status: response.statusCode ?? 0, body })
        })
      },
    )
    asked.once('error', reject)
    asked.end()
  })
}

/** What the node exporter at an address answers at `/metrics`, over plain HTTP. */
export async function getNodeExporter(lab: TestLab, address: string): Promise<string> {
  const { status, socket } = await openTunnel(lab, `${address}:9100`)
  if (status !== 200) throw new Error(`CONNECT ${address}:9100 got ${status}`)
  const asked = request({ path: '/metrics', createConnection: () => socket }).end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  return await readText(response)
}
