import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CalicoError, hasCode, messageOf } from './errors.ts'

test('an error keeps code, context and cause, and is recognised by any of several codes', () => {
  const cause = new Error('socket closed')
  const err = new CalicoError('AMBIGUOUS', 'Cannot write key: reply lost', { context: { key: 'a' }, cause })
  assert.equal(err.name, 'CalicoError')
  assert.deepEqual([err.code, err.context, err.cause], ['AMBIGUOUS', { key: 'a' }, cause])
  assert.ok(hasCode(err, 'CONFLICT', 'AMBIGUOUS'))
  assert.ok(!hasCode(err, 'CONFLICT'))
  assert.ok(!hasCode(cause, 'AMBIGUOUS'))
})

test('anything thrown has a text', () => {
  assert.equal(messageOf(new Error('x')), 'x')
  assert.equal(messageOf('y'), 'y')
  assert.equal(messageOf(undefined), 'undefined')
})
