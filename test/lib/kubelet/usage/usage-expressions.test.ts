import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { compileExpression, type ExpressionInput } from '../../../../lib/kubelet/usage/usage-expressions.ts'

const START = '2026-01-01T00:00:00Z'
const input: ExpressionInput = {
  pod: {
    metadata: { name: 'web', annotations: { cpu: '250m' }, creationTimestamp: START },
    status: { startTime: START },
  },
  node: { metadata: { creationTimestamp: START }, status: { allocatable: { cpu: '8' } } },
  container: { name: 'app', resources: { requests: { cpu: '100m' } } },
  timeMs: Date.parse(START) + 90_500,
  seed: 7,
}
const evaluates = suite('compileExpression()')

for (const [source, value] of [
  ['Quantity("250m")', 0.25],
  ['Quantity("1Mi") * 2.0', 2 ** 21],
  ['2 * Quantity("1Mi") + Quantity("1Ki")', 2 ** 21 + 1_024],
  ['Quantity("1") - Quantity("250m")', 0.75],
  ['Quantity("1") / 4', 0.25],
  ['Quantity("1") < Quantity("2") ? 1 : 2', 1],
  ['Quantity("1") >= Quantity("1000m") && Quantity("1") == Quantity("1") ? 1.5 : 2.5', 1.5],
  ['"cpu" in pod.metadata.annotations ? Quantity(pod.metadata.annotations["cpu"]) : Quantity("1m")', 0.25],
  ['"no" in pod.metadata.annotations ? Quantity(pod.metadata.annotations["no"]) : Quantity("1m")', 0.001],
  ['pod.metadata.annotations["cpu"] == "250m" ? 1 : 0', 1],
  ['Quantity(container.resources.requests.cpu)', 0.1],
  ['Quantity(node.status.allocatable.cpu) * 0.5', 4],
  ['SinceSecond(pod)', 90.5],
  ['pod.SinceSecond() / 2.0', 45.25],
  ['node.SinceSecond()', 90.5],
  ['UnixSecond(Now())', Date.parse(START) / 1_000 + 90.5],
  ['UnixSecond(Now()) - UnixSecond(pod.metadata.creationTimestamp)', 90.5],
  ['(pod.SinceSecond() / 60.0) * Quantity("1Mi")', (90.5 / 60) * 2 ** 20],
  ['Rand() < 1.0 && Rand() >= 0.0 ? 1 : 0', 1],
] as const) {
  evaluates(`${source} is ${value}`, () => assert.equal(compileExpression(source).evaluate(input), value))
}

for (const [source, why] of [
  ['1 +', /Unexpected token/],
  ['unknown', /Unknown variable: unknown/],
  ['Sin(1.0)', /Sin/],
  ['Quantity("1") + "x"', /no such overload/],
] as const) {
  evaluates(`${source} is refused with one line`, () => {
    assert.throws(
      () => compileExpression(source),
      (error: Error) => why.test(error.message) && !error.message.includes('\n'),
    )
  })
}

for (const [source, why] of [
  ['Quantity(pod.metadata.annotations["no"])', /No such key: no/],
  ['Quantity("lots")', /"lots" is not a quantity/],
  ['"text"', /gives a string/],
  ['pod', /gives an object/],
] as const) {
  evaluates(`${source} fails for a pod with one line`, () => {
    assert.throws(
      () => compileExpression(source).evaluate(input),
      (error: Error) => why.test(error.message) && !error.message.includes('\n'),
    )
  })
}

evaluates('Rand() is the same only for the same container and second', () => {
  const { evaluate } = compileExpression('Rand() * 1000000.0')
  assert.equal(evaluate(input), evaluate(input))
  assert.notEqual(evaluate(input), evaluate({ ...input, seed: 8 }))
  assert.notEqual(evaluate(input), evaluate({ ...input, timeMs: input.timeMs + 10_000 }))
})

evaluates('detects dependence on time or chance, and on the node', () => {
  const facts = (source: string) => {
    const { isDynamic, usesNode } = compileExpression(source)
    return [isDynamic, usesNode]
  }
  assert.deepEqual(facts('Quantity(pod.metadata.annotations["cpu"])'), [false, false])
  assert.deepEqual(facts('Quantity(node.status.allocatable.cpu) * Rand()'), [true, true])
  assert.deepEqual(facts('[1.0, 2.0].exists(x, x < pod.SinceSecond()) ? 1 : 2'), [true, false])
})

evaluates.run()
