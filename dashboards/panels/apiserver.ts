import { type LabPanel, stat, timeseries } from '../panel-builders.ts'
import * as query from '../queries/apiserver.ts'
import { SLO_TARGET, SLO_WINDOW, type Verbs } from '../queries/apiserver.ts'

const WORDS = {
  read: { noun: 'Read', verbs: 'LIST, GET' },
  write: { noun: 'Write', verbs: 'POST, PUT, PATCH, DELETE' },
} as const

type Kind = Exclude<Verbs, 'all'>

/** The service level objective is for information only. */
export const availabilityStat = stat({
  title: `Availability (${SLO_WINDOW}) > ${(SLO_TARGET * 100).toFixed(3)}%`,
  description: `Share of the requests of the last ${SLO_WINDOW} without a server error and within their time. For information only; kubernetes-mixin has a window of 30 days.`,
  unit: 'percentunit',
  decimals: 3,
  query: query.availability('all'),
})

export const errorBudgetTimeseries = timeseries({
  title: `Error Budget (${SLO_WINDOW}) > ${(SLO_TARGET * 100).toFixed(3)}%`,
  description: `Rest of the error budget of ${SLO_WINDOW}: 100 % without errors, below 0 when it is exceeded.`,
  unit: 'percentunit',
  decimals: 3,
  queries: [query.errorBudget()],
  mayBeNegative: true,
})

/** Panels of the service level indicators of reads or writes. */
export function sliPanels(kind: Kind): LabPanel[] {
  const { noun, verbs } = WORDS[kind]
  return [
    stat({
      title: `${noun} Availability (${SLO_WINDOW})`,
      description: `Share of the ${kind} requests (${verbs}) of the last ${SLO_WINDOW} without a server error and within their time.`,
      unit: 'percentunit',
      decimals: 3,
      query: query.availability(kind),
    }),
    timeseries({
      title: `${noun} SLI - Requests`,
      description: `Requests per second (${verbs}) over five minutes, by status code.`,
      unit: 'reqps',
      stacked: true,
      queries: [query.sliRequests(kind)],
    }),
    timeseries({
      title: `${noun} SLI - Errors`,
      description: `Share of the requests (${verbs}) for each resource with a server error (5xx).`,
      unit: 'percentunit',
      queries: [query.sliErrors(kind)],
    }),
    timeseries({
      title: `${noun} SLI - Duration`,
      description: `The 99th percentile of the duration of requests (${verbs}) for each resource, over five minutes.`,
      unit: 's',
      queries: [query.sliDuration(kind)],
    }),
  ]
}
