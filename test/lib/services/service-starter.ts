/** Starts a service that never answers, as a task does: `service-starter.ts <lab as JSON> <command>`. A test interrupts it. */
import type { Lab } from '../../../lib/lab/lab.ts'
import { processServices } from '../../../lib/services/process-services.ts'

const [, , lab = '', command = ''] = process.argv
await processServices(JSON.parse(lab) as Lab).ensure({
  name: 'stats-proxy',
  command,
  args: [],
  ready: async () => false,
})
