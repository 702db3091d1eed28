import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { pinnedImages, withoutDigest } from '../../../lib/docker/images.ts'
import { imageTags, versions } from '../../../lib/programs/versions.ts'

const pinned = suite('pinnedImages')

pinned('are these, by the versions of the programs', () => {
  assert.deepEqual(pinnedImages, {
    etcd: `quay.io/coreos/etcd:v${versions.etcd}`,
    'kube-apiserver': `registry.k8s.io/kube-apiserver:v${versions.kubernetes}`,
    'kube-controller-manager': `registry.k8s.io/kube-controller-manager:v${versions.kubernetes}`,
    'kube-scheduler': `registry.k8s.io/kube-scheduler:v${versions.kubernetes}`,
    kwok: `registry.k8s.io/kwok/kwok:v${versions.kwok}`,
    lgtm: `docker.io/grafana/otel-lgtm:${imageTags.lgtm}`,
    otelcol: `docker.io/otel/opentelemetry-collector-contrib:${versions.otelcol}`,
    jaeger: `docker.io/jaegertracing/jaeger:${versions.jaeger}`,
    alertmanager: `quay.io/prometheus/alertmanager:v${versions.alertmanager}`,
    'metrics-server': `registry.k8s.io/metrics-server/metrics-server:v${versions.metricsServer}`,
    'kube-state-metrics': `registry.k8s.io/kube-state-metrics/kube-state-metrics:v${versions.kubeStateMetrics}`,
    node: `docker.io/library/node:${imageTags.node}`,
  })
})
pinned.run()

const digest = suite('withoutDigest()')
digest('keeps registry, name and tag', () => {
  assert.equal(withoutDigest(`docker.io/grafana/otel-lgtm:1@sha256:${'a'.repeat(64)}`), 'docker.io/grafana/otel-lgtm:1')
  assert.equal(withoutDigest('localhost:5000/a/b:1'), 'localhost:5000/a/b:1')
})
digest.run()
