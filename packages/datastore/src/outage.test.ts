import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quietLogger, type LogFields } from '@calico-node/core'
import { Outage } from './outage.ts'

test('an outage is one line when it begins, one a minute while it lasts, and one when all parts are back', () => {
  let now = 1000
  const lines: string[] = []
  const note =
    (level: string) =>
    (message: string, { failures, downSeconds, downMs }: LogFields = {}): void => {
      lines.push([level, message, JSON.stringify(failures), JSON.stringify(downSeconds ?? downMs)].join(' ').trim())
    }
  const outage = new Outage(
    { begins: 'Gone', lasts: 'Still gone', ends: 'Back' },
    { ...quietLogger, warn: note('warn'), info: note('info') },
    { now: () => now },
  )
  outage.recovered('a') // nothing was wrong
  for (let i = 0; i < 125; i++) {
    outage.failed(i % 2 === 0 ? 'a' : 'b', new Error('away'))
    now += 1000
  }
  outage.recovered('a')
  outage.recovered('b')
  outage.failed('a', new Error('away'))
  assert.deepEqual(lines, [
    'warn Gone',
    'warn Still gone 61 60',
    'warn Still gone 121 120',
    'info Back 125 125000',
    'warn Gone',
  ])
})
