import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { transformSync } from 'esbuild'
import { type ImageName, pinnedImages, withoutDigest } from '../../lib/docker/images.ts'
import { LAB_IMAGE_DIR, labImage, labImageFiles } from '../../lib/in-cluster/lab-image.ts'
import { type ControlPlaneProgram, controlPlanePrograms, ensurePrograms } from '../../lib/programs/programs.ts'
import type { Image } from './archive.ts'
import { onPath, program, withLibraries } from './programs.ts'

/** What a pod's sandbox runs under a kubelet: it has to be there and to wait. */
export const pauseReference = 'registry.k8s.io/pause:3.10'

/**
 * The images of the lab, made of the programs of the binary runtime with nothing else in them, under the names and tags that
 * the lab pins (an image that is loaded has no digest). Three are stand-ins: LGTM has Prometheus and a collector on LGTM's ports,
 * and its files where LGTM has them, but no Grafana, Loki and Tempo; Node.js is the one that runs this; `pause` is `sleep`.
 */
export async function labImages(): Promise<Record<ImageName | 'pause' | 'lab', Image>> {
  const programs = await ensurePrograms([
    ...controlPlanePrograms,
    'alertmanager',
    'jaeger',
    'kube-state-metrics',
    'metrics-server',
    'otelcol',
    'prometheus',
  ])
  const single = (name: ImageName, file: string, path: string): Image => ({
    reference: withoutDigest(pinnedImages[name]),
    layers: [[program(path, file)], folders],
    entrypoint: [`/${path}`],
  })
  const own = (name: Exclude<ControlPlaneProgram, 'kubectl'>) =>
    single(name, programs[name].path, `usr/local/bin/${name}`)
  // With a shell, by which the engine runs health checks.
  const nodeLayer = [...withLibraries('usr/local/bin/node', process.execPath), program('bin/sh', onPath('sh'))]
  const here = (file: string) => readFileSync(join(import.meta.dirname, 'lgtm', file), 'utf8')
  return {
    etcd: own('etcd'),
    'kube-apiserver': own('kube-apiserver'),
    'kube-controller-manager': own('kube-controller-manager'),
    'kube-scheduler': own('kube-scheduler'),
    kwok: own('kwok'),
    otelcol: single('otelcol', programs.otelcol.path, 'otelcol-contrib'),
    jaeger: single('jaeger', programs.jaeger.path, 'cmd/jaeger/jaeger-linux'),
    alertmanager: single('alertmanager', programs.alertmanager.path, 'bin/alertmanager'),
    'metrics-server': single('metrics-server', programs['metrics-server'].path, 'metrics-server'),
    'kube-state-metrics': single('kube-state-metrics', programs['kube-state-metrics'].path, 'kube-state-metrics'),
    node: {
      reference: withoutDigest(pinnedImages.node),
      layers: [nodeLayer, folders],
      entrypoint: ['/usr/local/bin/node'],
    },
    lgtm: {
      reference: withoutDigest(pinnedImages.lgtm),
      layers: [
        nodeLayer,
        folders,
        [
          program('otel-lgtm/prometheus/prometheus', programs.prometheus.path),
          program('otel-lgtm/otelcol-contrib/otelcol-contrib', programs.otelcol.path),
        ],
        [
          {
            path: 'otel-lgtm/run-all.mjs',
            text: transformSync(here('run-all.ts'), { loader: 'ts', format: 'esm' }).code,
          },
          { path: 'otel-lgtm/otelcol-config.yaml', text: here('otelcol-config.yaml') },
          { path: 'otel-lgtm/prometheus.yaml', text: here('prometheus.yaml') },
          { path: 'otel-lgtm/grafana/conf/provisioning/dashboards', folder: true },
          { path: 'otel-lgtm/grafana/conf/provisioning/datasources', folder: true },
          { path: 'data', folder: true },
        ],
      ],
      entrypoint: ['/usr/local/bin/node', '/otel-lgtm/run-all.mjs'],
      workingDir: '/otel-lgtm',
    },
    lab: {
      reference: labImage({}),
      layers: [nodeLayer, folders, await labLayer()],
      entrypoint: ['/usr/local/bin/node'],
    },
    pause: {
      reference: pauseReference,
      layers: [withLibraries('usr/bin/sleep', onPath('sleep')), folders],
      entrypoint: ['/usr/bin/sleep', 'infinity'],
    },
  }
}

async function labLayer(): Promise<Image['layers'][number]> {
  return Object.entries(await labImageFiles()).map(([name, text]) => ({ path: `${LAB_IMAGE_DIR}/${name}`, text }))
}

/** What programs expect of any image. */
const folders = [{ path: 'tmp', folder: true as const, mode: 0o1777 }]
