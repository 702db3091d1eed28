import { type LabPanel, timeseries } from '../panel-builders.ts'
import { kwokOpenFiles, kwokTraffic } from '../queries/kwok.ts'

export function kwokTrafficTimeseries(): LabPanel {
  return timeseries({
    title: 'Traffic',
    description:
      "Bits a second of the network that the kwok-controller's process sees: its watches and its updates, and with the binary runtime all else on the machine.",
    unit: 'bps',
    queries: kwokTraffic(),
  })
}

export function kwokOpenFilesTimeseries(): LabPanel {
  return timeseries({
    title: 'Open files',
    description: 'Files and connections that the kwok-controller has open.',
    unit: 'short',
    queries: [kwokOpenFiles()],
  })
}
