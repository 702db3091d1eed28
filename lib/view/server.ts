import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { describeError, LabError } from '../errors.ts'
import { PAGE_SCRIPT, problemPage } from './pages.ts'

/** What a page is asked with. */
export interface PageRequest {
  path: string
  query: URLSearchParams
}

/** Gives a page's HTML, whole or in pieces as they come; undefined where there is none of that path. */
export type Pages = (request: PageRequest) => Promise<string | AsyncIterable<string> | undefined>

/**
 * What may happen in a page: styles of its own, the one script, and asking this server. ECharts puts font sizes into style attributes.
 */
const POLICY = [
  ...["default-src 'none'", "script-src 'self'", "connect-src 'self'", "style-src 'unsafe-inline'", 'img-src data:'],
  ...["base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"],
].join('; ')

const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
}

/**
 * A server of pages that only reads: GET and HEAD, asked for under a name of this machine itself, so that no page of another host can
 * reach it by giving its own name this address.
 */
export function createPageServer(pages: Pages): Server {
  return createServer((request, response) => {
    answer(request, response, pages).catch((error: unknown) => {
      if (!(error instanceof LabError)) process.stderr.write(`${describeError(error)}\n`)
      const why = error instanceof Error ? error.message : String(error)
      if (response.headersSent) response.destroy()
      else send(response, error instanceof LabError ? 502 : 500, problemPage('This page could not be made', why))
    })
  })
}

async function answer(request: IncomingMessage, response: ServerResponse, pages: Pages): Promise<void> {
  if (!isOwnHost(request)) return send(response, 421, problemPage('Wrong host', 'Ask for 127.0.0.1 or localhost.'))
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    return send(response, 405, problemPage('Not allowed', 'These pages can only be read.'))
  }
  const target = `http://page${request.url ?? '/'}`
  if (!URL.canParse(target)) return send(response, 400, problemPage('No such page', 'The address is none.'))
  const { pathname, searchParams } = new URL(target)
  if (pathname === '/healthz') return send(response, 200, 'ok\n', 'text/plain')
  if (pathname === '/page.js') return send(response, 200, PAGE_SCRIPT, 'text/javascript')
  const page = await pages({ path: pathname, query: searchParams })
  if (page === undefined) return send(response, 404, problemPage('No such page', `There is nothing at ${pathname}.`))
  if (typeof page === 'string') return send(response, 200, page)
  await sendPieces(response, page)
}

/** Whether the request was made to this machine by its own name and to the port that it came in by. */
function isOwnHost({ headers, socket }: IncomingMessage): boolean {
  const [, name = '', port = '80'] = /^(127\.0\.0\.1|localhost|\[::1\])(?::(\d+))?$/i.exec(headers.host ?? '') ?? []
  return name !== '' && Number(port) === socket.localPort
}

/** A browser shows what it has while the rest is still being asked for. */
async function sendPieces(response: ServerResponse, pieces: AsyncIterable<string>): Promise<void> {
  response.writeHead(200, headersOf('text/html'))
  if (response.req.method !== 'HEAD') {
    for await (const piece of pieces) {
      if (response.destroyed) return
      response.write(piece)
    }
  }
  response.end()
}

function headersOf(type: string): Record<string, string> {
  return { ...HEADERS, 'content-type': `${type}; charset=utf-8` }
}

function send(response: ServerResponse, status: number, text: string, type = 'text/html'): void {
  response.writeHead(status, headersOf(type))
  response.end(response.req.method === 'HEAD' ? undefined : text)
}
