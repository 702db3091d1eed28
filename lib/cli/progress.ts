/** Where progress goes: standard error, or a test's list. */
export interface ProgressStream {
  write: (text: string) => unknown
  isTTY?: boolean
  columns?: number
}

/** Something that takes long, while it is under way. */
export interface Activity {
  /** What there is to say besides the time, such as bytes so far. */
  detail: (text: string) => void
  end: () => void
}

/** Says what happens: lines that stay, and activities that show they are alive. */
export interface Reporter {
  line: (text: string) => void
  start: (what: string) => Activity
}

/**
 * A reporter. On a terminal an activity is one line that is written over each second; elsewhere, and with `CI` set, a plain
 * line each `plainEveryMs`. It uses no colour, so there is nothing for NO_COLOR to turn off.
 */
export function createReporter(options: {
  stream: ProgressStream
  env: NodeJS.ProcessEnv
  plainEveryMs?: number
}): Reporter {
  const { stream, env, plainEveryMs = 30_000 } = options
  const live = stream.isTTY === true && isUnset(env.CI) && env.TERM !== 'dumb'
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

/** `20 GB`, `3.4 GB`, `56 MB`: powers of ten, as disks are sold. */
export function formatBytes(bytes: number): string {
  if (bytes < 1e9) return `${Math.round(bytes / 1e6)} MB`
  return `${bytes < 10e9 ? (bytes / 1e9).toFixed(1) : Math.round(bytes / 1e9)} GB`
}

function isUnset(value: string | undefined): boolean {
  return value === undefined || value === '' || value === 'false'
}

/** Shows on stderr that `body` is under way, until it ends in whatever way. It is given a function that shows a detail. */
export async function withProgress<T>(what: string, body: (detail: Activity['detail']) => Promise<T>): Promise<T> {
  const activity = startProgress(what)
  try {
    return await body(activity.detail)
  } finally {
    activity.end()
  }
}

/** Shows on stderr that something that takes long is under way. The caller ends it: prefer `withProgress`. */
export function startProgress(what: string): Activity {
  return createReporter({ stream: process.stderr, env: process.env }).start(what)
}
