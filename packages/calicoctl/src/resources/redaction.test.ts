import assert from 'node:assert/strict'
import { test } from 'node:test'
import { redactValue } from './redaction.ts'

const rows: readonly (readonly [why: string, stored: string, shown: string])[] = [
  ['what is no secret stays', '{"spec":{"asNumber":65001}}', '{"spec":{"asNumber":65001}}'],
  ['large numbers stay exact', '{"sequenceNumber":1733333333333333333}', '{"sequenceNumber":1733333333333333333}'],
  ['passwords', '{"spec":{"password":{"secretKeyRef":{"key":"k"}}}}', '{"spec":{"password":"REDACTED"}}'],
  ['in lists', '[{"apiToken":"x"},{"a":1}]', '[{"apiToken":"REDACTED"},{"a":1}]'],
  [
    'in a document that is a text',
    '{"a":"{\\"etcdPassword\\":\\"x\\"}"}',
    '{"a":"{\\"etcdPassword\\":\\"REDACTED\\"}"}',
  ],
  ['braces in a text that is no document', '{"a":"{x"}', '{"a":"(2 bytes that are no JSON)"}'],
  ['no JSON', 'hunter2', '(7 bytes that are no JSON)'],
]
for (const [why, stored, shown] of rows) test(why, () => assert.equal(redactValue(stored), shown))
