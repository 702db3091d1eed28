/** Answers of a function by key, each for its own time. Concurrent calls for one key share one answer. An error is not kept. */
export function createReviewCache<T>({
  lifetimeMs,
  maxEntries = 100_000,
  clock = Date.now,
}: {
  lifetimeMs: (answer: T) => number
  maxEntries?: number
  clock?: (() => number) | undefined
}) {
  const answers = new Map<string, { answer: T; untilMs: number }>()
  const asked = new Map<string, Promise<T>>()

  return {
    /** The kept answer of the key, else that of `ask`. Rejects as `ask`. */
    get(key: string, ask: () => Promise<T>): Promise<T> {
      const kept = answers.get(key)
      if (kept !== undefined && clock() < kept.untilMs) return Promise.resolve(kept.answer)
      const waiting = asked.get(key)
      if (waiting !== undefined) return waiting
      const asking = ask()
        .then(answer => {
          // The oldest first.
          answers.delete(key)
          for (const old of answers.keys()) {
            if (answers.size < maxEntries) break
            answers.delete(old)
          }
          answers.set(key, { answer, untilMs: clock() + lifetimeMs(answer) })
          return answer
        })
        .finally(() => asked.delete(key))
      asked.set(key, asking)
      return asking
    },
  }
}
