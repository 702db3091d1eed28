import type { Query } from './query.ts'

/** One query by another of the same dimensions. Sums by sums: never a sum of quotients. */
export function quotient(of: Query, over: Query): Query {
  const { truth } = of
  const bottom = over.truth
  return {
    expr: `${of.expr} / ${over.expr}`,
    ...(of.legend === undefined ? {} : { legend: of.legend }),
    ...(truth === undefined || bottom === undefined ? {} : { truth: { ...truth, over: bottom.of } }),
  }
}
