import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findMac, parseMac } from './mac.ts'

test('colons or dashes, any case, become lower case with colons', () => {
  assert.equal(parseMac('EE:ee:00:01:aB:ff'), 'ee:ee:00:01:ab:ff')
  assert.equal(parseMac('66-01-02-03-04-05'), '66:01:02:03:04:05')
})

test('anything else is refused', () => {
  for (const text of [
    '',
    'ee:ee:ee:ee:ee',
    'ee:ee:ee:ee:ee:ee:ee',
    'ee:ee:ee:ee:ee:gg',
    'ee:ee-ee:ee:ee:ee',
    'eeeeeeeeeeee',
    'e:e:e:e:e:e',
    ' ee:ee:ee:ee:ee:ee',
  ]) {
    assert.equal(findMac(text), undefined, text)
    assert.throws(() => parseMac(text), { code: 'INVALID' })
  }
})
