import { createContext, Script } from 'node:vm'
import { LabError } from '../cli/errors.ts'

const context = createContext({ act: undefined })
const call = new Script('act()')

/**
 * The result of a synchronous function that may not run longer than the limit. It also ends a regular expression, which in JavaScript can
 * run for years. Calls may be nested. Changes that an ended function has made stay.
 *
 * Throws a LabError at the limit, and any error of the function.
 */
export function withTimeLimit<T>(act: () => T, { what, limitMs }: { what: string; limitMs: number }): T {
  context['act'] = act
  try {
    return call.runInContext(context, { timeout: limitMs }) as T
  } catch (error) {
    // The error comes from the other context, so it is not an instance of Error here.
    if ((error as { code?: unknown } | undefined)?.code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
    throw new LabError(`${what} was ended`, { why: `it took longer than ${limitMs / 1_000} s` })
  } finally {
    context['act'] = undefined
  }
}
