import { type LabDashboard, labDashboard, line, row } from '../dashboard.ts'
import {
  volumeInodesGauge,
  volumeInodesTimeseries,
  volumeSpaceGauge,
  volumeSpaceTimeseries,
} from '../panels/volumes.ts'
import { uids } from '../uids.ts'
import { clusterVariable, datasourceVariable, namespaceVariable, volumeVariable } from '../variables.ts'

export function persistentVolumes(): LabDashboard {
  return labDashboard({
    uid: uids.persistentVolumes,
    title: 'Kubernetes / Persistent Volumes',
    description: 'Usage of the volumes of PersistentVolumeClaims. Only mounted volumes are measured.',
    prerequisites: ['volumes'],
    variables: [datasourceVariable(), clusterVariable(), namespaceVariable(), volumeVariable()],
    rows: [
      row('Space', line(8, volumeSpaceTimeseries(), volumeSpaceGauge())),
      row('Inodes', line(8, volumeInodesTimeseries(), volumeInodesGauge())),
    ],
  })
}
