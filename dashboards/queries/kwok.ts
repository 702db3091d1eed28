import { ofJob, rate } from './control-plane.ts'
import { named, type Query } from './query.ts'

const JOB = 'kwok-controller'

/** Bits per second that the process receives and sends: its watches, and its updates of nodes, leases and pods. */
export const kwokTraffic = (['receive', 'transmit'] as const).map(way => {
  const bytes = rate(`process_network_${way}_bytes_total`, JOB, ['instance'])
  return named(`{{instance}} ${way}`, { ...bytes, expr: `8 * ${bytes.expr}` })
})

/** Open files and connections of the process. */
export const kwokOpenFiles: Query = { expr: `process_open_fds{${ofJob(JOB)}}`, legend: '{{instance}}' }
