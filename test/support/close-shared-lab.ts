/** Takes down the shared lab of a folder: `tsx test/support/close-shared-lab.ts <folder>`. The runner calls it as a process of its own. */
import { closeSharedLab } from './shared-lab.ts'

await closeSharedLab(process.argv[2] ?? '')
