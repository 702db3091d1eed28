import { type LabPanel, timeseries } from '../panel-builders.ts'
import { kwokOpenFiles, kwokTraffic } from '../queries/kwok.ts'

export function kwokTrafficTimeseries(): LabPanel {
  return timeseries({
    title: 'Traffic',
    description:
      'Bits per second of the network of the kwok-controller: its watches and updates, and with the binary runtime all traffic of the machine.',
    unit: 'bps',
    queries: kwokTraffic(),
  })
}

export function kwokOpenFilesTimeseries(): LabPanel {
  return timeseries({
    title: 'Open files',
    description: 'Open files and connections of the kwok-controller.',
    unit: 'short',
    queries: [kwokOpenFiles()],
  })
}
