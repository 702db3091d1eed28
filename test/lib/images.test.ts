import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { pinnedImages, withoutDigest } from '../../lib/images.ts'

const pinned = suite('pinnedImages')

pinned('are these, LGTM by its digest', () => {
  assert.deepEqual(pinnedImages, {
    etcd: 'registry.k8s.io/etcd:3.6.16-0',
    'kube-apiserver': 'registry.k8s.io/kube-apiserver:v1.36.3',
    'kube-controller-manager': 'registry.k8s.io/kube-controller-manager:v1.36.3',
    'kube-scheduler': 'registry.k8s.io/kube-scheduler:v1.36.3',
    kwok: 'registry.k8s.io/kwok/kwok:v0.8.0',
    lgtm: 'docker.io/grafana/otel-lgtm:0.28.0@sha256:74bd8c8be4344dd51fb76f2030522e5c886bc585d4e965234a68b49960c98c5e',
    otelcol: 'docker.io/otel/opentelemetry-collector-contrib:0.149.0',
    jaeger: 'docker.io/jaegertracing/jaeger:2.0.0-rc2',
    'metrics-server': 'registry.k8s.io/metrics-server/metrics-server:v0.9.0',
    node: 'docker.io/library/node:20.20.2-bookworm-slim',
  })
})
pinned.run()

const digest = suite('withoutDigest()')
digest('leaves registry, name and tag', () => {
  assert.equal(withoutDigest(pinnedImages.lgtm), 'docker.io/grafana/otel-lgtm:0.28.0')
  assert.equal(withoutDigest('localhost:5000/a/b:1'), 'localhost:5000/a/b:1')
})
digest.run()
