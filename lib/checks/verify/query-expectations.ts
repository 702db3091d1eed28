import type { Dimension, DimensionLabels } from './dimensions.ts'
import type { Prerequisite } from './prerequisites.ts'
import type { Quantity } from './quantities.ts'

// What dashboards state their expectations with.
export {
  type Dimension,
  type DimensionLabels,
  kubePrometheusLabels,
  labelOfDimension,
  nodeExporterLabels,
} from './dimensions.ts'
export type { Prerequisite } from './prerequisites.ts'
export type { Quantity } from './quantities.ts'

/** How verify computes the values of a query: a quantity, or the ratio of two, by some dimensions. */
export interface Truth {
  of: Quantity
  /** The quotient `of` / `over` of the sums, never a sum of quotients. */
  over?: Quantity
  by: readonly Dimension[]
  /** The labels of the dimensions, by default OpenTelemetry's. */
  labels?: DimensionLabels
  /** Only objects with these values, such as a condition. */
  where?: Readonly<Partial<Record<Dimension, string>>>
  /** Except objects with one of these values, such as idle CPU time. */
  except?: Readonly<Partial<Record<Dimension, string>>>
  /** The query returns only values above zero. */
  aboveZero?: boolean
  /** Includes the usage of the node's system, not only that of its pods. */
  withSystem?: boolean
}

/**
 * Why a query may have no data or be NaN, with conditions that must hold, so that a broken query does not pass. The
 * PromQL in it can use the dashboard's variables. For a query with a truth the expected values decide, and `because`
 * is enough.
 */
export interface AllowedEmpty {
  because: string
  /** This query must have data: the same query without what makes it rare. */
  given?: string
  /**
   * This query must be empty or zero: the series that the query needs. For NaN, at the labels and times of the NaN
   * values.
   */
  noneOf?: string
  /** Prometheus must have no alerts. */
  noAlerts?: true
}

/** What verify expects of a query. */
export interface QueryExpectations {
  truth?: Truth
  /** When it may have no data. */
  emptyWhen?: AllowedEmpty
  /** When it may be NaN. */
  nanWhen?: AllowedEmpty
  /** Prerequisites of this query that the rest of its dashboard does not have. */
  prerequisites?: readonly Prerequisite[]
}

/** What verify expects of a dashboard. */
export interface DashboardExpectations {
  prerequisites: readonly Prerequisite[]
  /** By `queryKey`. */
  queries: ReadonlyMap<string, QueryExpectations>
}

/** The key of a panel's query. Panel titles are unique in a dashboard of the lab. */
export function queryKey(panelTitle: string, refId: string): string {
  return `${panelTitle}#${refId}`
}
