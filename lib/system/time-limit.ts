import { createContext, Script } from 'node:vm'
import { LabError } from '../cli/errors.ts'

const context = createContext({ act: undefined })
const call = new Script('act()')

/**
 * What a synchronous function returns, which is ended after a time, even inside a regular expression: JavaScript's can take years for one
 * text. It may be called inside another such function. What the function has changed outside itself stays half done.
 *
 * Throws a LabError when the time is over, and what the function throws.
 */
export function withTimeLimit<T>(act: () => T, { what, limitMs }: { what: string; limitMs: number }): T {
  context['act'] = act
  try {
    return call.runInContext(context, { timeout: limitMs }) as T
  } catch (error) {
    if (!isTimeOut(error)) throw error
    throw new LabError(`${what} was ended`, { why: `it took longer than ${limitMs / 1_000} s` })
  } finally {
    context['act'] = undefined
  }
}

/** The error is made in the other context, so it is not an instance of this one's Error. */
function isTimeOut(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
}
