// What credentials-worker.js needs of the client library, to be bundled beside it.
export { KubeConfig } from '@kubernetes/client-node'
