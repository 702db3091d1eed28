import { suite as uvuSuite } from 'uvu'

/** A suite of uvu's that shows why its `before` hook failed: uvu itself runs no test then and gives no reason. */
export function suite<T>(name: string): ReturnType<typeof uvuSuite<T>> {
  const it = uvuSuite<T>(name)
  const { before } = it
  const shown: typeof before = Object.assign(
    (hook: Parameters<typeof before>[0]) => {
      before(async context => {
        try {
          await hook(context)
        } catch (error) {
          process.stdout.write(`"${name}" failed before its tests: ${error instanceof Error ? error.stack : error}\n`)
          throw error
        }
      })
    },
    { each: before.each },
  )
  it.before = shown
  return it
}

/** For a test of a suite that only `make test-long` runs: it takes long, and most changes do not touch what it checks. */
export function inLong<T>(it: Register<T>): Register<T> {
  return process.env['TEST_LONG'] === 'true' ? it : () => {}
}

type Register<T> = (name: string, test: (context: T) => void | Promise<void>) => void
