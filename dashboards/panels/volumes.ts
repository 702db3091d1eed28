import { gauge, type LabPanel, timeseries } from '../panel-builders.ts'
import {
  inodesFree,
  inodesUsed,
  inodesUtilisation,
  volumeFree,
  volumeUsed,
  volumeUtilisation,
} from '../queries/volumes.ts'

const FULL = [
  { value: null, color: 'green' },
  { value: 0.8, color: 'orange' },
  { value: 0.9, color: 'red' },
]

export function volumeSpaceTimeseries(): LabPanel {
  return timeseries({
    title: 'Volume Space Usage',
    description: "Used and free space of each claim's volume, as measured by the kubelet of a pod that mounts it.",
    unit: 'bytes',
    queries: [volumeUsed, volumeFree],
  })
}

export function volumeSpaceGauge(): LabPanel {
  return gauge({
    title: 'Volume Space Usage (part)',
    description: "Used share of the space of each claim's volume.",
    unit: 'percentunit',
    max: 1,
    thresholds: FULL,
    query: volumeUtilisation,
  })
}

export function volumeInodesTimeseries(): LabPanel {
  return timeseries({
    title: 'Volume inodes Usage',
    description: "Used and free inodes of each claim's volume.",
    unit: 'short',
    queries: [inodesUsed, inodesFree],
  })
}

export function volumeInodesGauge(): LabPanel {
  return gauge({
    title: 'Volume inodes Usage (part)',
    description: "Used share of the inodes of each claim's volume.",
    unit: 'percentunit',
    max: 1,
    thresholds: FULL,
    query: inodesUtilisation,
  })
}
