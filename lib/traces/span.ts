import { type Attributes, type HrTime, SpanKind, type SpanStatus, SpanStatusCode, TraceFlags } from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import { RandomIdGenerator, type ReadableSpan } from '@opentelemetry/sdk-trace'

/** An ended span with the fields that an exporter reads. Its times are set when the whole request is simulated. */
export class SimulatedSpan implements ReadableSpan {
  readonly kind: SpanKind
  readonly resource: Resource
  readonly context: { traceId: string; spanId: string; traceFlags: number }
  readonly parentSpanContext?: { traceId: string; spanId: string; traceFlags: number; isRemote?: boolean }
  readonly links = NONE
  readonly events = NONE
  readonly ended = true
  readonly instrumentationScope = SCOPE
  readonly droppedAttributesCount = 0
  readonly droppedEventsCount = 0
  readonly droppedLinksCount = 0
  name: string
  attributes: Attributes = NO_ATTRIBUTES
  status: SpanStatus = UNSET
  startTime: HrTime = EPOCH
  endTime: HrTime = EPOCH
  /** Milliseconds since the request began. */
  startMs = 0
  endMs = 0

  constructor(kind: SpanKind, name: string, resource: Resource, parent: SimulatedSpan | undefined, traceId: string) {
    this.kind = kind
    this.name = name
    this.resource = resource
    this.context = { traceId, spanId: ids.generateSpanId(), traceFlags: TraceFlags.SAMPLED }
    if (parent !== undefined) {
      // A server span's parent is in another process.
      this.parentSpanContext = kind === SpanKind.SERVER ? { ...parent.context, isRemote: true } : parent.context
    }
  }

  spanContext(): SimulatedSpan['context'] {
    return this.context
  }

  get duration(): HrTime {
    return hrTime(this.endMs - this.startMs)
  }

  /** Sets the times for a request that starts at `epochMs`. */
  beginAt(epochMs: number): void {
    this.startTime = hrTime(epochMs + this.startMs)
    this.endTime = hrTime(epochMs + this.endMs)
  }
}

const NONE: never[] = []
const NO_ATTRIBUTES: Attributes = {}
const EPOCH: HrTime = [0, 0]
const SCOPE = { name: 'kube-otel-lab/traces' }

/** The status of a span: unset unless it failed, by convention. */
export const UNSET: SpanStatus = { code: SpanStatusCode.UNSET }
export const FAILED: SpanStatus = { code: SpanStatusCode.ERROR }
export const UNAVAILABLE: SpanStatus = { code: SpanStatusCode.ERROR, message: 'no ready pod behind the Service' }

/** Random ids of traces and spans. */
export const ids = new RandomIdGenerator()

/** Milliseconds as whole seconds and nanoseconds, rounded to microseconds, the precision of a number of this size. */
function hrTime(epochMs: number): HrTime {
  const seconds = Math.floor(epochMs / 1_000)
  return [seconds, Math.round((epochMs - seconds * 1_000) * 1_000) * 1_000]
}
