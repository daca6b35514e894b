import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { describeKind, type FieldDescription } from './describe.ts'
import { ALL_KINDS, type Kind } from './table.ts'

function find(kind: Kind, path: string): FieldDescription | undefined {
  let fields = describeKind(kind)
  let found: FieldDescription | undefined
  for (const name of path.split('.')) {
    found = fields.find((field) => field.name === name)
    fields = found?.fields ?? []
  }
  return found
}

describe('describeKind()', () => {
  const cases: [kind: Kind, path: string, type: string, required: boolean, fallback?: string][] = [
    ['IPPool', 'spec.cidr', 'CIDR', true],
    ['IPPool', 'spec.ipipMode', 'Never | Always | CrossSubnet', false, 'Never'],
    ['Node', 'spec.bgp.asNumber', 'AS number', false, 'the one of BGPConfiguration "default"'],
    ['GlobalNetworkPolicy', 'spec.ingress', 'list of object', false],
    ['GlobalNetworkPolicy', 'spec.ingress.action', 'Allow | Deny | Log | Pass', true],
    ['FelixConfiguration', 'spec.reportingInterval', 'duration', false, '30s'],
    ['Tier', 'metadata.name', 'string', true],
  ]
  for (const [kind, path, type, required, fallback] of cases) {
    test(`${kind}.${path}`, () => {
      const field = find(kind, path)
      assert.equal(field?.type, type)
      assert.equal(field?.required, required)
      assert.equal(field?.fallback, fallback)
    })
  }
  const undescribed = (fields: readonly FieldDescription[], path: string): string[] =>
    fields.flatMap((field) => [
      ...(field.description === '' ? [`${path}.${field.name}`] : []),
      ...undescribed(field.fields, `${path}.${field.name}`),
    ])
  for (const kind of ALL_KINDS) {
    test(`every field of ${kind} has a description`, () => assert.deepEqual(undescribed(describeKind(kind), kind), []))
  }
})
