import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'

/** An answer with a text as its body, or the text in UTF-8. */
export interface Answer {
  status: number
  body: string | Buffer
  /** Plain text by default. */
  contentType?: string
  headers?: Readonly<Record<string, string>>
}

export const TEXT_TYPE = 'text/plain; charset=utf-8'

/** Writes an answer to a request. */
export function writeAnswer(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const { status, body, contentType = TEXT_TYPE, headers } = answer
  // An unread body would block the connection.
  request.resume()
  // Node.js writes a long text more slowly than its bytes.
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  response.writeHead(status, { 'content-type': contentType, 'content-length': bytes.length, ...headers }).end(bytes)
}

/** Ends the connection of a request for an upgrade with an answer. */
export function endWith(socket: Duplex, { status, body, headers }: Answer): void {
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `Content-Type: ${TEXT_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    ...Object.entries(headers ?? {}).map(([name, value]) => `${name}: ${value}`),
  ]
  socket.on('error', () => {})
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`)
}

/** A decoded part of a path; an invalid one, which nothing has as its name, stays as it is. */
export function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
