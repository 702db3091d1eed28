import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { describeError, LabError } from '../../cli/errors.ts'
import { projectDir } from '../../lab/lab.ts'
import { problemPage } from './page-layout.ts'

/** A request for a page. */
export interface PageRequest {
  path: string
  /** The fields of a posted form, else of the URL. */
  query: URLSearchParams
  /** Whether it is a POST of a form on these pages, which alone can start something. */
  isPosted: boolean
}

/** A page's HTML, whole or in pieces; data for the script; or the path of another page, after a POST. */
export type PageAnswer = string | AsyncIterable<string> | { json: unknown } | { redirect: string }

/** Gives the answer to a request; undefined for an unknown path. */
export type Pages = (request: PageRequest) => Promise<PageAnswer | undefined>

/** Read once: it doesn't change while the server runs. */
const PAGE_SCRIPT = readFileSync(join(projectDir, 'lib', 'render', 'page', 'page-script.js'))

/**
 * The content security policy: inline styles, the one script, and requests to this server. ECharts uses style
 * attributes for font sizes.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "connect-src 'self'",
  "style-src 'unsafe-inline'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  // With `no-referrer` a browser sends no origin with a form, not even to its own server.
  'referrer-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
}

/** The maximum size of a form. */
const FORM_BYTES = 2 ** 16

/**
 * A server of pages. It answers only requests for this machine's own names, so that no other site can reach it
 * through DNS. GET and HEAD only read. POST to a dashboard is accepted only from these pages, because other sites can
 * post too.
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
  const target = `http://page${request.url ?? '/'}`
  if (!URL.canParse(target)) return send(response, 400, problemPage('No such page', 'The address is none.'))
  const { pathname, searchParams } = new URL(target)
  const methods = pathname.startsWith('/d/') ? ['GET', 'HEAD', 'POST'] : ['GET', 'HEAD']
  if (!methods.includes(request.method ?? '')) {
    response.setHeader('allow', methods.join(', '))
    return send(response, 405, problemPage('Not allowed', `This page takes ${methods.join(', ')}.`))
  }
  const isPosted = request.method === 'POST'
  if (isPosted && !isFromOwnPage(request)) {
    return send(response, 403, problemPage('Not allowed', "Another site's page may start nothing here."))
  }
  const form = isPosted ? await readForm(request) : searchParams
  if (form === undefined) {
    response.setHeader('connection', 'close')
    return send(response, 413, problemPage('Not allowed', 'The form is too large.'))
  }
  if (pathname === '/healthz') return send(response, 200, 'ok\n', 'text/plain')
  if (pathname === '/page.js') return send(response, 200, PAGE_SCRIPT, 'text/javascript')
  const page = await pages({ path: pathname, query: form, isPosted })
  if (page === undefined) return send(response, 404, problemPage('No such page', `There is nothing at ${pathname}.`))
  if (typeof page === 'string') return send(response, 200, page)
  if ('json' in page) return send(response, 200, JSON.stringify(page.json), 'application/json')
  if ('redirect' in page) {
    response.writeHead(303, { ...headersOf('text/plain'), location: page.redirect }).end()
    return
  }
  await sendPieces(response, page)
}

/** Whether the Host header has a name of this machine and the port of the connection. */
function isOwnHost({ headers, socket }: IncomingMessage): boolean {
  const [, name = '', port = '80'] = /^(127\.0\.0\.1|localhost|\[::1\])(?::(\d+))?$/i.exec(headers.host ?? '') ?? []
  return name !== '' && Number(port) === socket.localPort
}

/** Whether no other site sent the request. Browsers send its origin; other programs are not restricted. */
function isFromOwnPage({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined) return site === 'same-origin'
  return headers.origin === undefined || headers.origin === `http://${headers.host}`
}

/** The fields of a posted form; undefined when it is too large. */
async function readForm(request: IncomingMessage): Promise<URLSearchParams | undefined> {
  let text = ''
  // The connection stays open for the answer.
  for await (const chunk of request.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    text += chunk
    if (text.length > FORM_BYTES) return undefined
  }
  return new URLSearchParams(text)
}

/** A browser shows the pieces as they arrive. */
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

function send(response: ServerResponse, status: number, text: string | Buffer, type = 'text/html'): void {
  response.writeHead(status, headersOf(type))
  response.end(response.req.method === 'HEAD' ? undefined : text)
}
