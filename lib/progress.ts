/** Shows how far long work has come, on stderr. */
export interface Progress {
  /** Something is done; `detail` says how much. */
  update: (detail: string) => void
  /** The work has ended; leaves one line that says so. */
  end: (detail: string) => void
}

/** How often a line is written where there is no terminal to write over. */
const PLAIN_INTERVAL_MS = 10_000

/** Progress of one piece of work: a line that is written over on a terminal, elsewhere a plain line now and then. */
export function startProgress(what: string, stream: NodeJS.WriteStream = process.stderr): Progress {
  const live = stream.isTTY && process.env['CI'] === undefined
  let lastMs = live ? 0 : Date.now()
  return {
    update(detail) {
      const intervalMs = live ? 100 : PLAIN_INTERVAL_MS
      if (Date.now() - lastMs < intervalMs) return
      lastMs = Date.now()
      stream.write(live ? `\r\u001b[K${what}: ${detail}` : `${what}: ${detail}\n`)
    },
    end(detail) {
      stream.write(live ? `\r\u001b[K${what}: ${detail}\n` : `${what}: ${detail}\n`)
    },
  }
}
