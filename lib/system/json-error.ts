/**
 * The line and column (from 1) of the first syntax error in JSON; undefined for valid JSON. The errors of Node.js
 * have a position only in some cases.
 */
export function jsonFault(text: string): { line: number; column: number } | undefined {
  let at = 0
  const space = () => take(/[ \t\n\r]*/y)
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at
    if (!pattern.test(text)) return false
    at = pattern.lastIndex
    return true
  }
  /** Reads the members of an object or array up to its end; false on an error. */
  const list = (end: RegExp, member: () => boolean): boolean => {
    space()
    if (take(end)) return true
    for (;;) {
      if (!member()) return false
      space()
      if (take(end)) return true
      if (!take(/,/y)) return false
      space()
    }
  }
  const word = () => take(/"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/uy)
  const value = (): boolean => {
    space()
    if (take(/\{/y)) return list(/\}/y, () => word() && take(/[ \t\n\r]*:/y) && value())
    if (take(/\[/y)) return list(/\]/y, value)
    return word() || take(/(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/y)
  }
  const whole = value()
  space()
  if (whole && at === text.length) return undefined
  const before = text.slice(0, at).split('\n')
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 }
}
