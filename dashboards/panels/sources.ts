/** What descriptions say of numbers that come from elsewhere than an OpenTelemetry receiver for the kubelet or the API. */
export const CADVISOR = "From the kubelet's cAdvisor, as no OpenTelemetry receiver has it."
export const HOST_METRICS = "From the node's host metrics."
