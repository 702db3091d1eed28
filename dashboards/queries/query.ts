import { type Dimension, labelOfDimension, type QueryExpectations } from '../../lib/checks/verify/query-expectations.ts'

/** One query of a panel: PromQL with Grafana's variables, and the expectations of verify. */
export interface Query extends QueryExpectations {
  expr: string
  /** The legend of its series, with Grafana's `{{label}}`. */
  legend?: string
}

/** The labels of some dimensions for a `by` clause. */
export function labelsOf(by: readonly Dimension[]): string {
  return by.map(dimension => labelOfDimension[dimension]).join(', ')
}

/** The label of one dimension. */
export function labelOf(dimension: Dimension): string {
  return labelOfDimension[dimension]
}

/** The legend of series by these dimensions: the value of the last one, since the dashboard selects the others. */
export function legendOf(by: readonly Dimension[]): string {
  const last = by.at(-1)
  return last === undefined || last === 'cluster' ? '' : `{{${labelOfDimension[last]}}}`
}

/** The same query with another legend. */
export function named(legend: string, query: Query): Query {
  return { ...query, legend }
}
