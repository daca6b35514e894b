import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseDocuments } from './document.ts'

const TEXT = `# two pools
kind: IPPool
metadata:
  name: a
  labels: {"x/y": one, plain: two}
spec:
  cidr: 10.0.0.0/16
---
kind: IPPoolList
items:
- kind: IPPool
  spec:
    allowedUses:
    - Workload
    - Tunnel
- kind: Node
---
# nothing
---
- kind: Tier
- {kind: Profile, spec: {labelsToApply: {a: b}}}
`

describe('parseDocuments()', () => {
  const documents = parseDocuments('in.yaml', TEXT)
  test('takes lists apart and leaves empty documents out', () => {
    assert.deepEqual(
      documents.map(({ number, value }) => [number, Reflect.get(Object(value), 'kind')]),
      [
        [1, 'IPPool'],
        [2, 'IPPool'],
        [2, 'Node'],
        [4, 'Tier'],
        [4, 'Profile'],
      ],
    )
  })
  const lines: [index: number, field: string, line: number][] = [
    [0, 'spec.cidr', 7],
    [0, 'metadata.labels["x/y"]', 5],
    [0, 'metadata.labels.plain', 5],
    [0, 'kind', 2],
    [0, 'spec.natOutgoing', 6],
    [0, 'spec.a.b[3].c', 6],
    [1, 'spec.allowedUses[1]', 15],
    [1, '', 11],
    [2, 'kind', 16],
    [3, 'kind', 20],
    [4, 'spec.labelsToApply.a', 21],
  ]
  for (const [index, field, expected] of lines) {
    test(`finds ${field === '' ? 'the document' : field} of item ${index}`, () => {
      assert.equal(documents[index]?.lineOf(field), expected)
    })
  }
  test('reads JSON', () => {
    assert.deepEqual(
      parseDocuments('-', '{"kind":"Node","spec":{}}').map(({ value }) => value),
      [{ kind: 'Node', spec: {} }],
    )
  })
  test('keeps words that are no booleans in YAML 1.2 as text', () => {
    assert.deepEqual(
      parseDocuments('-', 'a: yes\nb: 66:01:02:03:04:05\nc: 010').map(({ value }) => value),
      [{ a: 'yes', b: '66:01:02:03:04:05', c: 10 }],
    )
  })
  const bad: [text: string, message: RegExp][] = [
    ['kind: [', /^in\.yaml, document 1, line 1: /],
    ['kind: Node\n---\nkind: Node\na: 1\na: 2\n', /^in\.yaml, document 2, line 5: duplicated mapping key/],
    ['kind: Node\n\tx: 1\n', /^in\.yaml, document 1, line 2: /],
  ]
  for (const [text, message] of bad) {
    test(`names the place of the fault in ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseDocuments('in.yaml', text), { code: 'INVALID', message })
    })
  }
})
