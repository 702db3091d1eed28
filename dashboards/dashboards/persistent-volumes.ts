import { type DashboardDefinition, line, row } from '../dashboard.ts'
import * as panels from '../panels/volumes.ts'
import { uids } from '../uids.ts'
import { clusterVariable, namespaceVariable, volumeVariable } from '../variables.ts'

export const persistentVolumes: DashboardDefinition = {
  uid: uids.persistentVolumes,
  title: 'Kubernetes / Persistent Volumes',
  description: 'Usage of the volumes of PersistentVolumeClaims. Only mounted volumes are measured.',
  prerequisites: ['volumes'],
  variables: [clusterVariable(), namespaceVariable(), volumeVariable()],
  rows: [
    row('Space', line(8, panels.volumeSpaceTimeseries, panels.volumeSpaceGauge)),
    row('Inodes', line(8, panels.volumeInodesTimeseries, panels.volumeInodesGauge)),
  ],
}
