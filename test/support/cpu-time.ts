/** The CPU time that a synchronous function takes, in ms. Unlike the time on the clock it is about the same on a busy machine. */
export function cpuTimeMs(act: () => unknown): number {
  const before = process.cpuUsage()
  act()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}
