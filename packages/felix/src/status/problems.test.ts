import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Logger, quietLogger } from '@calico-node/core'
import { Problems } from './problems.ts'

function recorded(): { problems: Problems; lines: string[]; at: { second: number } } {
  const lines: string[] = []
  const log: Logger = {
    ...quietLogger,
    warn: (message, fields) => void lines.push(`${message}: ${String(fields?.['reason'])}`),
    info: (message, fields) => void lines.push(`${message}: ${String(fields?.['reason'])}`),
  }
  const at = { second: 0 }
  return { problems: new Problems({ log, now: () => new Date(at.second * 1000 + 7) }), lines, at }
}

describe('Problems', () => {
  test('a problem keeps the time at which it began, whatever its reason becomes', () => {
    const { problems, at } = recorded()
    problems.raise('mtu', 'too small')
    at.second = 5
    problems.raise('mtu', 'still too small')
    problems.raise('pools', 'overlap')
    assert.deepEqual(problems.list(), [
      { id: 'mtu', reason: 'still too small', since: '1970-01-01T00:00:00Z' },
      { id: 'pools', reason: 'overlap', since: '1970-01-01T00:00:05Z' },
    ])
  })

  test('one that comes back is a new one', () => {
    const { problems, at } = recorded()
    problems.raise('mtu', 'too small')
    problems.clear('mtu')
    assert.deepEqual(problems.list(), [])
    at.second = 9
    problems.raise('mtu', 'too small')
    assert.equal(problems.list()[0]?.since, '1970-01-01T00:00:09Z')
  })

  test('one of an earlier process that comes back within a minute is the same, later it is not', () => {
    const { problems, at } = recorded()
    at.second = 1000
    problems.raise('early', 'x')
    const since = '1970-01-01T00:00:01Z'
    problems.recall(['early', 'soon', 'late'].map((id) => ({ id, reason: 'y', since })))
    problems.raise('soon', 'x')
    at.second = 1060
    problems.raise('late', 'x')
    assert.deepEqual(
      problems.list().map((problem) => problem.since),
      [since, since, '1970-01-01T00:17:40Z'],
    )
  })

  test('the log hears of each raised problem once, and of its end; of recorded ones it has heard already', () => {
    const { problems, lines } = recorded()
    problems.raise('mtu', 'too small')
    problems.raise('mtu', 'too small')
    problems.clear('mtu')
    problems.clear('mtu')
    problems.record('rules', 'no room')
    problems.clear('rules')
    assert.deepEqual(lines, ['Needs attention: too small', 'Mended: too small'])
  })

  test('a group is replaced as a whole, and the others stay', () => {
    const { problems } = recorded()
    problems.raise('mtu', 'too small')
    problems.recordAll(
      'driver ',
      new Map([
        ['driver a', 'x'],
        ['driver b', 'y'],
      ]),
    )
    problems.recordAll('driver ', new Map([['driver b', 'z']]))
    assert.deepEqual(
      problems.list().map(({ id, reason }) => [id, reason]),
      [
        ['mtu', 'too small'],
        ['driver b', 'z'],
      ],
    )
  })
})
