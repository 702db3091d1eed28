import { gauge, stat, timeseries } from '../panel-builders.ts'
import * as query from '../queries/etcd.ts'

export const hasLeaderStat = stat({
  title: 'Has leader',
  description: 'Members with a leader. A member without one can neither read nor write.',
  unit: 'none',
  query: query.hasLeader,
})

export const leaderChangesStat = stat({
  title: 'Leader changes',
  description: 'Leader changes within the time range.',
  unit: 'none',
  decimals: 0,
  query: query.leaderChanges,
})

export const databaseUtilisationGauge = gauge({
  title: 'Database quota used',
  description: 'Size of the database file, as a share of the size at which etcd refuses writes.',
  unit: 'percentunit',
  max: 1,
  query: query.databaseUtilisation,
})

export const callRateTimeseries = timeseries({
  title: 'RPC rate',
  description: 'Calls per second of clients, by method.',
  unit: 'reqps',
  stacked: true,
  queries: [query.callRate],
})

export const failedCallRateTimeseries = timeseries({
  title: 'RPC failed rate',
  description: 'Calls per second that fail with a server error, by method and code.',
  unit: 'reqps',
  queries: [query.failedCallRate],
})

export const openStreamsTimeseries = timeseries({
  title: 'Active Streams',
  description: 'Open watches and lease streams.',
  unit: 'short',
  queries: query.openStreams,
})

export const databaseSizeTimeseries = timeseries({
  title: 'DB size',
  description: 'Size of the database file, and its used part; a defragmentation frees the rest.',
  unit: 'bytes',
  queries: query.databaseSize,
})

export const diskLatencyTimeseries = timeseries({
  title: 'Disk sync duration 99th Quantile',
  description: 'The 99th percentile of the duration of disk writes of the log and of the database.',
  unit: 's',
  queries: query.diskLatencies,
})

export const clientTrafficTimeseries = timeseries({
  title: 'Client traffic',
  description: 'Bits per second from and to clients.',
  unit: 'bps',
  queries: query.clientTraffic,
})

export const proposalsTimeseries = timeseries({
  title: 'Raft proposals',
  description: 'Raft proposals per second: committed, applied and failed.',
  unit: 'ops',
  queries: query.proposals,
})
