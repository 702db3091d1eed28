/** Texts for values that do not come from an OpenTelemetry receiver of the kubelet or the API. */
export const CADVISOR = "From the kubelet's cAdvisor, as no OpenTelemetry receiver has it."
export const HOST_METRICS = "From the node's host metrics."
