import { gauge, type LabPanel, stat, timeseries } from '../panel-builders.ts'
import {
  callRate,
  clientTraffic,
  databaseSize,
  databaseUtilisation,
  diskLatencies,
  failedCallRate,
  hasLeader,
  leaderChanges,
  openStreams,
  proposals,
} from '../queries/etcd.ts'

export function hasLeaderStat(): LabPanel {
  return stat({
    title: 'Has leader',
    description: 'Members with a leader. A member without one can neither read nor write.',
    unit: 'none',
    query: hasLeader,
  })
}

export function leaderChangesStat(): LabPanel {
  return stat({
    title: 'Leader changes',
    description: 'Leader changes within the time range.',
    unit: 'none',
    decimals: 0,
    query: leaderChanges,
  })
}

export function databaseUtilisationGauge(): LabPanel {
  return gauge({
    title: 'Database quota used',
    description: 'Size of the database file, as a share of the size at which etcd refuses writes.',
    unit: 'percentunit',
    max: 1,
    query: databaseUtilisation,
  })
}

export function callRateTimeseries(): LabPanel {
  return timeseries({
    title: 'RPC rate',
    description: 'Calls per second of clients, by method.',
    unit: 'reqps',
    stacked: true,
    queries: [callRate],
  })
}

export function failedCallRateTimeseries(): LabPanel {
  return timeseries({
    title: 'RPC failed rate',
    description: 'Calls per second that fail with a server error, by method and code.',
    unit: 'reqps',
    queries: [failedCallRate],
  })
}

export function openStreamsTimeseries(): LabPanel {
  return timeseries({
    title: 'Active Streams',
    description: 'Open watches and lease streams.',
    unit: 'short',
    queries: openStreams,
  })
}

export function databaseSizeTimeseries(): LabPanel {
  return timeseries({
    title: 'DB size',
    description: 'Size of the database file, and its used part; a defragmentation frees the rest.',
    unit: 'bytes',
    queries: databaseSize,
  })
}

export function diskLatencyTimeseries(): LabPanel {
  return timeseries({
    title: 'Disk sync duration 99th Quantile',
    description: 'The 99th percentile of the duration of disk writes of the log and of the database.',
    unit: 's',
    queries: diskLatencies,
  })
}

export function clientTrafficTimeseries(): LabPanel {
  return timeseries({
    title: 'Client traffic',
    description: 'Bits per second from and to clients.',
    unit: 'bps',
    queries: clientTraffic,
  })
}

export function proposalsTimeseries(): LabPanel {
  return timeseries({
    title: 'Raft proposals',
    description: 'Raft proposals per second: committed, applied and failed.',
    unit: 'ops',
    queries: proposals,
  })
}
