import { type LabPanel, stat, timeseries } from '../panel-builders.ts'
import {
  availability,
  errorBudget,
  SLO_TARGET,
  SLO_WINDOW,
  sliDuration,
  sliErrors,
  sliRequests,
  type Verbs,
} from '../queries/apiserver.ts'

const WORDS = {
  read: { noun: 'Read', verbs: 'LIST, GET' },
  write: { noun: 'Write', verbs: 'POST, PUT, PATCH, DELETE' },
} as const

type Kind = Exclude<Verbs, 'all'>

/** The service level objective is for information: a lab promises nobody anything. */
export function availabilityStat(): LabPanel {
  return stat({
    title: `Availability (${SLO_WINDOW}) > ${(SLO_TARGET * 100).toFixed(3)}%`,
    description: `The part of requests of the last ${SLO_WINDOW}, reads and writes, that were answered without a server's error and fast enough. For information only: kubernetes-mixin looks at 30 days.`,
    unit: 'percentunit',
    decimals: 3,
    query: availability('all'),
  })
}

export function errorBudgetTimeseries(): LabPanel {
  return timeseries({
    title: `Error Budget (${SLO_WINDOW}) > ${(SLO_TARGET * 100).toFixed(3)}%`,
    description: `Of the requests that may go wrong in ${SLO_WINDOW}, how many still may: 100 % at best, below 0 when too many did.`,
    unit: 'percentunit',
    decimals: 3,
    queries: [errorBudget()],
    mayBeNegative: true,
  })
}

export function kindAvailabilityStat(kind: Kind): LabPanel {
  const { noun, verbs } = WORDS[kind]
  return stat({
    title: `${noun} Availability (${SLO_WINDOW})`,
    description: `The part of ${kind} requests (${verbs}) of the last ${SLO_WINDOW} that were answered without a server's error and fast enough.`,
    unit: 'percentunit',
    decimals: 3,
    query: availability(kind),
  })
}

export function sliRequestsTimeseries(kind: Kind): LabPanel {
  const { noun, verbs } = WORDS[kind]
  return timeseries({
    title: `${noun} SLI - Requests`,
    description: `Requests a second (${verbs}) over five minutes, by status code.`,
    unit: 'reqps',
    stacked: true,
    queries: [sliRequests(kind)],
  })
}

export function sliErrorsTimeseries(kind: Kind): LabPanel {
  const { noun, verbs } = WORDS[kind]
  return timeseries({
    title: `${noun} SLI - Errors`,
    description: `The part of requests (${verbs}) for each resource that the server answered with an error of its own (5xx).`,
    unit: 'percentunit',
    queries: [sliErrors(kind)],
  })
}

export function sliDurationTimeseries(kind: Kind): LabPanel {
  const { noun, verbs } = WORDS[kind]
  return timeseries({
    title: `${noun} SLI - Duration`,
    description: `Time within which 99 of 100 requests (${verbs}) for each resource are answered, over five minutes.`,
    unit: 's',
    queries: [sliDuration(kind)],
  })
}
