import { type Dimension, labelOfDimension, type QueryExpectations } from '../../lib/checks/verify/query-expectations.ts'

/** One query of a panel: PromQL with Grafana's variables in it, and what is known of its numbers. */
export interface Query extends QueryExpectations {
  expr: string
  /** How its series are named on the screen, in Grafana's `{{label}}` spelling. */
  legend?: string
}

/** The labels of some dimensions, as they stand after `by`. */
export function labelsOf(by: readonly Dimension[]): string {
  return by.map(dimension => labelOfDimension[dimension]).join(', ')
}

/** The label of one dimension. */
export function labelOf(dimension: Dimension): string {
  return labelOfDimension[dimension]
}

/** The legend of numbers by these dimensions: the last one's value, as the ones before it are the dashboard's own choice. */
export function legendOf(by: readonly Dimension[]): string {
  const last = by.at(-1)
  return last === undefined || last === 'cluster' ? '' : `{{${labelOfDimension[last]}}}`
}

/** The same query under another name. */
export function named(legend: string, query: Query): Query {
  return { ...query, legend }
}
