/**
 * The served fields of a kubelet's `/stats/summary`, with the names, nesting and order of
 * k8s.io/kubelet/pkg/apis/stats/v1alpha1. Times are RFC 3339, and all numbers are whole.
 */
export interface Summary {
  node: NodeStats
  pods: PodStats[]
}

export interface NodeStats {
  nodeName: string
  systemContainers: ContainerStats[]
  startTime: string
  cpu: CpuStats
  memory: MemoryStats
  network: NetworkStats
  fs: FsStats
  runtime: { imageFs: FsStats; containerFs: FsStats }
  rlimit: { time: string; maxpid: number; curproc: number }
  swap: SwapStats
}

export interface PodStats {
  podRef: { name: string; namespace: string; uid: string }
  startTime: string
  containers: ContainerStats[]
  cpu: CpuStats
  memory: MemoryStats
  /** Absent for a pod on its host's network. */
  network?: NetworkStats
  volume?: VolumeStats[]
  'ephemeral-storage': FsStats
  process_stats: { process_count: number }
  swap: SwapStats
}

export interface ContainerStats {
  name: string
  startTime: string
  cpu: CpuStats
  memory: MemoryStats
  /** Absent for system containers. */
  rootfs?: FsStats
  logs?: FsStats
  swap: SwapStats
}

/** Simulated nodes have no swap, as most real ones. */
export interface SwapStats {
  time: string
  swapAvailableBytes?: number
  swapUsageBytes: number
}

export interface CpuStats {
  time: string
  usageNanoCores: number
  usageCoreNanoSeconds: number
}

export interface MemoryStats {
  time: string
  /** Defined with a limit or a capacity. */
  availableBytes: number | undefined
  usageBytes: number
  workingSetBytes: number
  rssBytes: number
  pageFaults: number
  majorPageFaults: number
}

export interface InterfaceStats {
  name: string
  rxBytes: number
  rxErrors: number
  txBytes: number
  txErrors: number
}

export interface NetworkStats extends InterfaceStats {
  time: string
  interfaces: InterfaceStats[]
}

export interface FsStats {
  time: string
  availableBytes: number
  capacityBytes: number
  usedBytes: number
  inodesFree: number
  inodes: number
  inodesUsed: number
}

export interface VolumeStats extends FsStats {
  name: string
  pvcRef?: { name: string; namespace: string }
}
