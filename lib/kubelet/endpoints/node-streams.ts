import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { StatsStore } from '../store/stats-store.ts'

/** The node and the path of a request. */
export interface StreamTarget {
  node: string
  /** Path and query. */
  url: string
  store: StatsStore
}

/** Answers a request for a container's log; false for any other. */
export function answerStream(_request: IncomingMessage, _response: ServerResponse, _target: StreamTarget): boolean {
  return false
}

/** Refuses exec, attach and portForward. */
export function refuseUpgrade(_request: IncomingMessage, socket: Duplex, _target: StreamTarget): void {
  socket.end('HTTP/1.1 501 Not Implemented\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
}
