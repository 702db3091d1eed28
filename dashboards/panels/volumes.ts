import { gauge, steps, timeseries } from '../panel-builders.ts'
import * as query from '../queries/volumes.ts'

const FULL = steps('green', [0.8, 'orange'], [0.9, 'red'])

export const volumeSpaceTimeseries = timeseries({
  title: 'Volume Space Usage',
  description: "Used and free space of each claim's volume, as measured by the kubelet of a pod that mounts it.",
  unit: 'bytes',
  queries: [query.volumeUsed, query.volumeFree],
})

export const volumeSpaceGauge = gauge({
  title: 'Volume Space Usage (part)',
  description: "Used share of the space of each claim's volume.",
  unit: 'percentunit',
  max: 1,
  thresholds: FULL,
  query: query.volumeUtilisation,
})

export const volumeInodesTimeseries = timeseries({
  title: 'Volume inodes Usage',
  description: "Used and free inodes of each claim's volume.",
  unit: 'short',
  queries: [query.inodesUsed, query.inodesFree],
})

export const volumeInodesGauge = gauge({
  title: 'Volume inodes Usage (part)',
  description: "Used share of the inodes of each claim's volume.",
  unit: 'percentunit',
  max: 1,
  thresholds: FULL,
  query: query.inodesUtilisation,
})
