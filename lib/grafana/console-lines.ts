import { format } from 'node:util'

const METHODS = ['log', 'info', 'warn', 'error'] as const

/**
 * Runs a synchronous function and adds the first line of each message that it writes to the console to `lines`, each
 * once. @grafana/data reports there what it ignores, without the name of a panel.
 */
export function withConsoleLines<T>(lines: Set<string>, act: () => T): T {
  const originals = METHODS.map(method => [method, console[method]] as const)
  for (const method of METHODS) console[method] = (...message: unknown[]) => addLine(lines, format(...message))
  try {
    return act()
  } finally {
    for (const [method, original] of originals) console[method] = original
  }
}

function addLine(lines: Set<string>, message: string): void {
  const [line = ''] = message.trim().split('\n')
  if (line !== '') lines.add(line.slice(0, 200))
}
