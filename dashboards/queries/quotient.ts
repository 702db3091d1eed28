import type { Query } from './query.ts'

/** The quotient of two queries with the same dimensions: of their sums, never a sum of quotients. */
export function quotient(of: Query, over: Query): Query {
  const { truth } = of
  const bottom = over.truth
  return {
    expr: `${of.expr} / ${over.expr}`,
    ...(of.legend === undefined ? {} : { legend: of.legend }),
    ...(truth === undefined || bottom === undefined ? {} : { truth: { ...truth, over: bottom.of } }),
  }
}
