import type { CatalogMetric } from '../lib/lint/catalog.ts'
export const catalog: readonly CatalogMetric[] = []
export const completeSources: readonly string[] = []
