/** A server that answers as it is told to, for what a real Prometheus can't be made to answer. */
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What is answered: an HTTP status and a body; or the connection is dropped, or nothing ever comes. */
export type FakeAnswer = { status: number; body: string } | 'drop' | 'hang'

export interface FakePrometheus {
  url: string
  /** Every path and query that was asked, `/query?query=up&time=…`. */
  asked: string[]
  close(): Promise<void>
}

/** JSON as Prometheus answers it. */
export function success(data: unknown): FakeAnswer {
  return { status: 200, body: JSON.stringify({ status: 'success', data }) }
}

/** One series with one value, now or at the end of the range. */
export function oneSeries(path: string, given: URLSearchParams, labels: Record<string, string> = {}): FakeAnswer {
  const at = Number(given.get('end') ?? given.get('time'))
  if (path === '/query_range')
    return success({ resultType: 'matrix', result: [{ metric: labels, values: [[at, '7']] }] })
  return success({ resultType: 'vector', result: [{ metric: labels, value: [at, '7'] }] })
}

/** Starts one. What `answer` doesn't answer is what an empty Prometheus answers. */
export async function startFakePrometheus(
  answer: (path: string, given: URLSearchParams) => FakeAnswer | undefined,
): Promise<FakePrometheus> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1')
    const path = url.pathname.replace(/^\/api\/v1/, '')
    let form = ''
    request.on('data', chunk => {
      form += chunk
    })
    request.on('end', () => {
      const given = new URLSearchParams(`${url.search.slice(1)}&${form}`)
      asked.push(`${path}?${given}`)
      reply(response, answer(path, given) ?? empty(path, given))
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, asked, close: async () => await closed(server) }
}

function reply(response: ServerResponse, answer: FakeAnswer): void {
  if (answer === 'hang') return
  if (answer === 'drop') {
    response.destroy()
    return
  }
  response.writeHead(answer.status)
  response.end(answer.body)
}

function empty(path: string, given: URLSearchParams): FakeAnswer {
  if (given.get('query') === '1') return success({ resultType: 'scalar', result: [0, '1'] })
  if (path === '/rules') return success({ groups: [] })
  if (path.startsWith('/query')) return success({ resultType: path === '/query' ? 'vector' : 'matrix', result: [] })
  return path === '/alerts' ? success({ alerts: [] }) : success([])
}

async function closed(server: Server): Promise<void> {
  const ended = new Promise(resolve => server.close(resolve))
  server.closeAllConnections()
  await ended
}
