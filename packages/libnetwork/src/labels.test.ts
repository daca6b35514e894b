import assert from 'node:assert/strict'
import { test } from 'node:test'
import { calicoLabels } from './labels.ts'

test('calicoLabels() keeps what has our prefix and can be a label', () => {
  const rows: [label: string, value: string, expected: Record<string, string>][] = [
    ['org.projectcalico.label.role', 'web', { role: 'web' }],
    ['org.projectcalico.label.example.com/role', 'web', { 'example.com/role': 'web' }],
    ['org.projectcalico.label.role', '', { role: '' }],
    ['role', 'web', {}],
    ['org.projectcalico.label.', 'web', {}],
    ['org.projectcalico.label.a b', 'web', {}],
    ['org.projectcalico.label.role', 'two words', {}],
    ['org.projectcalico.label.role', 'x'.repeat(64), {}],
  ]
  for (const [label, value, expected] of rows) assert.deepEqual(calicoLabels({ [label]: value }), expected, label)
})
