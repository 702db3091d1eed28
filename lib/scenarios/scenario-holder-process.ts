// The scenario holder's process: applies, holds and heals the scenarios of the lab's journal. Ends on SIGTERM or SIGINT and leaves them as
// they are; the next process continues. Of a cluster that is gone it ends by itself, after their time.
import { type Daemon, runDaemon } from '../cli/daemon.ts'
import { parseCommandLine } from '../cli/settings.ts'
import { connect } from '../kube/api-client.ts'
import { kubeconfigPath } from '../lab/kubeconfig.ts'
import { openLab } from '../lab/lab.ts'
import { forgetHolder, writeHolderPid } from '../services/scenario-holder.ts'
import { holdScenarios } from './hold-scenarios.ts'
import { scenarioCluster } from './scenario-cluster.ts'
import { scenarioJournal } from './scenario-journal.ts'
import { scenarios } from './scenario-list.ts'

await runDaemon({
  usage: 'Holds the scenarios of a lab: --cluster-name NAME, or --kube-context NAME for the lab inside a cluster\n',
  parseFlags: args => parseCommandLine(args, { settings: ['clusterName', 'kubeContext'] }).settings,
  async start(flags, { signal, log, onStop }: Daemon) {
    const lab = openLab({ flags, env: process.env, kind: flags.kubeContext === undefined ? 'kwok' : 'context' })
    const client = await connect({ kubeconfig: kubeconfigPath(lab, 'scenarios') })
    writeHolderPid(lab)
    const { giveUpMs } = scenarioCluster(lab)
    const held = holdScenarios({ lab, client, journal: scenarioJournal(lab), scenarios, signal, log, giveUpMs })
    onStop(async () => {
      client.close()
      await held
    })
    if ((await held) === 'given up') {
      forgetHolder(lab)
      client.close()
    }
  },
})
