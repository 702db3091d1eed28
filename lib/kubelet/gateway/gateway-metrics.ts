import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'

/** The way in: kube-apiserver's socket, or the port for tools. */
export type Way = 'apiserver' | 'port'

/** The gateway's own metrics, in a registry of their own. */
export function createGatewayMetrics() {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const accepted = new Counter({
    name: 'kubelet_gateway_tunnels_total',
    help: 'Tunnels opened, by way in.',
    labelNames: ['way'],
    registers,
  })
  const refused = new Counter({
    name: 'kubelet_gateway_refused_total',
    help: 'Connections refused, by way in and reason.',
    labelNames: ['way', 'reason'],
    registers,
  })
  const open = new Gauge({
    name: 'kubelet_gateway_open_tunnels',
    help: 'Tunnels open now, by way in.',
    labelNames: ['way'],
    registers,
  })
  for (const way of ['apiserver', 'port']) {
    accepted.inc({ way }, 0)
    open.set({ way }, 0)
  }
  return {
    countTunnel(way: Way, change: 'open' | 'closed') {
      if (change === 'open') accepted.inc({ way })
      open.inc({ way }, change === 'open' ? 1 : -1)
    },
    countRefusal: (way: Way, reason: string) => refused.inc({ way, reason }),
    expose: async () => ({ body: await registry.metrics(), contentType: registry.contentType }),
  }
}
