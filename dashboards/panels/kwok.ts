import { timeseries } from '../panel-builders.ts'
import { kwokOpenFiles, kwokTraffic } from '../queries/kwok.ts'

export const kwokTrafficTimeseries = timeseries({
  title: 'Traffic',
  description:
    'Bits per second of the network of the kwok-controller: its watches and updates, and with the binary runtime all traffic of the machine.',
  unit: 'bps',
  queries: kwokTraffic,
})

export const kwokOpenFilesTimeseries = timeseries({
  title: 'Open files',
  description: 'Open files and connections of the kwok-controller.',
  unit: 'short',
  queries: [kwokOpenFiles],
})
