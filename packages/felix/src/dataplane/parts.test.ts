import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CalicoError, quietLogger } from '@calico-node/core'
import { ResyncSchedule } from './resync.ts'
import { Supervised } from './supervised.ts'
import { Wakeup } from './wakeup.ts'

const never = new AbortController().signal

describe('ResyncSchedule', () => {
  const at = { now: 0 }
  const schedule = (sets: number, routes: number): ResyncSchedule => {
    at.now = 0
    return new ResyncSchedule({ intervalMs: { sets, routes }, now: () => at.now, random: () => 0.5 })
  }

  test('each target comes due in its own interval, again and again', () => {
    const timers = schedule(90, 180)
    assert.equal(timers.delayMs(), 90)
    at.now = 90
    assert.deepEqual(timers.takeDue(), ['sets'])
    at.now = 180
    assert.deepEqual(timers.takeDue(), ['sets', 'routes'])
    assert.equal(timers.delayMs(), 90)
  })

  test('an interval of 0 never comes due, but a hint does', () => {
    const timers = schedule(0, 0)
    assert.equal(timers.delayMs(), undefined)
    timers.hint('routes')
    assert.equal(timers.delayMs(), 0)
    assert.deepEqual(timers.takeDue(), ['routes'])
    assert.equal(timers.delayMs(), undefined)
  })
})

describe('Supervised', () => {
  const failing = { now: 0, error: undefined as unknown }
  const supervised = new Supervised(
    {
      apply: () => (failing.error === undefined ? Promise.resolve() : Promise.reject(failing.error)),
      queueResync: () => undefined,
    },
    { what: 'IPv4 filter rules', log: quietLogger, now: () => failing.now },
  )

  test('a failure is kept with a time to try again; success ends it', async () => {
    failing.error = new CalicoError('APPLY_FAILED', 'no room')
    await supervised.apply(never)
    failing.now = 5
    await supervised.apply(never)
    assert.equal(supervised.stands, false)
    assert.deepEqual(supervised.failure, {
      what: 'IPv4 filter rules',
      reason: 'no room',
      failures: 2,
      since: 0,
      interfaces: [],
    })
    assert.ok((supervised.dueInMs() ?? Infinity) <= 10_000)
    failing.error = undefined
    await supervised.apply(never)
    assert.equal(supervised.failure, undefined)
    assert.equal(supervised.dueInMs(), undefined)
  })

  test('when only some parts failed the rest stands', async () => {
    failing.error = new CalicoError('APPLY_FAILED', 'no room', { context: { chains: ['cali-pi-x'] } })
    await supervised.apply(never)
    assert.deepEqual(supervised.failure?.parts, ['cali-pi-x'])
    assert.equal(supervised.stands, true)
  })
})

describe('Wakeup', () => {
  test('a poke ends the wait, also one that came before', async () => {
    const wakeup = new Wakeup()
    wakeup.poke()
    await wakeup.wait(undefined)
    setImmediate(() => wakeup.poke())
    await wakeup.wait(undefined)
    await wakeup.wait(1)
  })
})
