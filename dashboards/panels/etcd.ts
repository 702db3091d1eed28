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
    description: 'Members that know a leader. One without can neither read nor write.',
    unit: 'none',
    query: hasLeader,
  })
}

export function leaderChangesStat(): LabPanel {
  return stat({
    title: 'Leader changes',
    description: 'Times that the leader changed within the chosen time.',
    unit: 'none',
    decimals: 0,
    query: leaderChanges,
  })
}

export function databaseUtilisationGauge(): LabPanel {
  return gauge({
    title: 'Database quota used',
    description: 'The database file, of the size at which etcd refuses to write.',
    unit: 'percentunit',
    max: 1,
    query: databaseUtilisation,
  })
}

export function callRateTimeseries(): LabPanel {
  return timeseries({
    title: 'RPC rate',
    description: 'Calls a second that clients begin, by method.',
    unit: 'reqps',
    stacked: true,
    queries: [callRate],
  })
}

export function failedCallRateTimeseries(): LabPanel {
  return timeseries({
    title: 'RPC failed rate',
    description: "Calls a second that end with an error which is the server's, by method and code.",
    unit: 'reqps',
    queries: [failedCallRate],
  })
}

export function openStreamsTimeseries(): LabPanel {
  return timeseries({
    title: 'Active Streams',
    description: 'Watches and lease streams that clients hold open.',
    unit: 'short',
    queries: openStreams,
  })
}

export function databaseSizeTimeseries(): LabPanel {
  return timeseries({
    title: 'DB size',
    description:
      'Size of the database file, and how much of it is in use; the rest goes with the next defragmentation.',
    unit: 'bytes',
    queries: databaseSize,
  })
}

export function diskLatencyTimeseries(): LabPanel {
  return timeseries({
    title: 'Disk sync duration 99th Quantile',
    description: 'Time within which 99 of 100 writes of the log and of the database are on the disk.',
    unit: 's',
    queries: diskLatencies,
  })
}

export function clientTrafficTimeseries(): LabPanel {
  return timeseries({
    title: 'Client traffic',
    description: 'Bits a second from and to clients.',
    unit: 'bps',
    queries: clientTraffic,
  })
}

export function proposalsTimeseries(): LabPanel {
  return timeseries({
    title: 'Raft proposals',
    description: 'Changes a second that the members agreed on, wrote, and failed to agree on.',
    unit: 'ops',
    queries: proposals,
  })
}
