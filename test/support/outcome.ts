import { type RequirementName, requirementNames } from './requirements.ts'

/** How many tests of a file ended how. */
export interface Outcome {
  passed: number
  failed: number
  skipped: number
}

/** What a test file writes when it skips its tests because a requirement is not met. */
export function skipLine(name: RequirementName, reason: string): string {
  return `Skipped: ${name}: ${reason}\n`
}

/** Why a file skipped its tests, by the requirement that is not met. */
export function readSkips(output: string): Map<RequirementName, string> {
  const skips = new Map<RequirementName, string>()
  for (const name of requirementNames) {
    const reason = new RegExp(`^Skipped: ${name}: (.*)$`, 'm').exec(output)?.[1]
    if (reason !== undefined) skips.set(name, reason)
  }
  return skips
}

/**
 * Counts by uvu's closing lines. A file that did not get that far, that failed without a count, or that has no test, has failed once.
 * Tests that are skipped because of a required requirement have failed.
 */
export function readOutcome(
  { output, code }: { output: string; code: number | null },
  required: readonly RequirementName[] = [],
): Outcome {
  const count = (word: string) => Number(new RegExp(`^\\s*${word}:\\s+(\\d+)`, 'm').exec(output)?.[1] ?? 0)
  const [all, passed, skipped] = [count('Total'), count('Passed'), count('Skipped')]
  const failed = all - passed
  if (failed === 0 && (code !== 0 || all + skipped === 0)) return { passed, failed: 1, skipped }
  const isRequired = required.some(name => readSkips(output).has(name))
  return isRequired ? { passed, failed: failed + skipped, skipped: 0 } : { passed, failed, skipped }
}
