/** Where progress goes: standard error, or a test's list. */
export interface ProgressStream {
  write: (text: string) => unknown
  isTTY?: boolean
  columns?: number
}

/** Work whose progress is shown. */
export interface Activity {
  /** Shown after the elapsed time, such as the number of bytes. */
  detail: (text: string) => void
  end: () => void
}

/** Writes lines that stay, and the progress of activities. */
export interface Reporter {
  line: (text: string) => void
  start: (what: string) => Activity
}

/**
 * Creates a reporter. On a terminal an activity is one line that is rewritten each second; elsewhere, and with `CI` set, it writes a plain
 * line each `plainEveryMs`. It uses no colour, so NO_COLOR has no effect.
 */
export function createReporter(options: {
  stream: ProgressStream
  env: NodeJS.ProcessEnv
  plainEveryMs?: number
}): Reporter {
  const { stream, env, plainEveryMs = 30_000 } = options
  const live = stream.isTTY === true && [undefined, '', 'false'].includes(env.CI) && env.TERM !== 'dumb'
  let shown = false
  const clear = () => {
    if (shown) stream.write('\r\x1b[K')
    shown = false
  }
  return {
    line(text) {
      clear()
      stream.write(`${text}\n`)
    },
    start(what) {
      const startedAtMs = Date.now()
      let detail = ''
      const show = () => {
        const text = `${what}: ${formatElapsed(Date.now() - startedAtMs)}${detail === '' ? '' : `, ${detail}`}`
        if (!live) return stream.write(`${text}\n`)
        clear()
        stream.write(text.slice(0, (stream.columns ?? 80) - 1))
        shown = true
      }
      const timer = setInterval(show, live ? 1_000 : plainEveryMs)
      timer.unref()
      return {
        detail(text) {
          detail = text
        },
        end() {
          clearInterval(timer)
          clear()
        },
      }
    },
  }
}

/** `48 s`, `3 min 20 s`. */
export function formatElapsed(durationMs: number): string {
  const seconds = Math.round(durationMs / 1000)
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

/** `20 GB`, `3.4 GB`, `56 MB`, in powers of ten. */
export function formatBytes(bytes: number): string {
  if (bytes < 1e9) return `${Math.round(bytes / 1e6)} MB`
  return `${bytes < 10e9 ? (bytes / 1e9).toFixed(1) : Math.round(bytes / 1e9)} GB`
}

/** Shows progress while `body` runs. `body` gets a function that sets the detail. */
export async function withProgress<T>(
  what: string,
  body: (detail: Activity['detail']) => Promise<T>,
  reporter: Reporter = createReporter({ stream: process.stderr, env: process.env }),
): Promise<T> {
  const activity = reporter.start(what)
  try {
    return await body(activity.detail)
  } finally {
    activity.end()
  }
}
