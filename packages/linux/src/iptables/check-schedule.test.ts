import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CheckSchedule, type RuleWatch } from './check-schedule.ts'

const SECOND = 1000
/** Seconds until the next check, as it stands right after it was set. */
const dueIn = (schedule: CheckSchedule): number => Math.round((schedule.at - performance.now()) / SECOND)
const scheduleOf = (firstMs: number, refreshMs: number, echoMs = 0): CheckSchedule =>
  new CheckSchedule({ firstMs, refreshMs, echoMs })

describe('CheckSchedule', () => {
  test('checks soon after a write, then ever later, up to the pace of an idle table', () => {
    const schedule = scheduleOf(1 * SECOND, 180 * SECOND)
    schedule.read(3)
    const delays = [() => schedule.written(5), ...Array.from({ length: 5 }, () => () => schedule.read(3))].map(
      (step) => {
        step()
        return dueIn(schedule)
      },
    )
    assert.deepEqual(delays, [1, 2, 4, 8, 10, 10])
  })
  const paces: [why: string, watch: RuleWatch, refreshMs: number, readMs: number, seconds: number][] = [
    ['a small table', 'none', 180 * SECOND, 3, 10],
    ['a large one', 'none', 180 * SECOND, 200, 40],
    ['a huge one', 'none', 180 * SECOND, 3500, 180],
    ['a huge one without a limit', 'none', 0, 3500, 700],
    ['a limit below the pace', 'none', 4 * SECOND, 3, 4],
    ['one of which the lock tells', 'lock', 180 * SECOND, 3, 30],
    ['one of which the kernel tells', 'kernel', 180 * SECOND, 3, 180],
    ['one of which the kernel tells, without a limit', 'kernel', 0, 3, 3600],
  ]
  for (const [why, watch, refreshMs, readMs, seconds] of paces) {
    test(`finds its pace for ${why}`, () => {
      const schedule = scheduleOf(5 * SECOND, refreshMs)
      schedule.watchedBy(watch)
      schedule.read(readMs)
      assert.equal(dueIn(schedule), seconds)
    })
  }
  test('whoever begins to watch has missed what was before; whoever ceases to does not see what comes', () => {
    const schedule = scheduleOf(5 * SECOND, 180 * SECOND)
    schedule.read(3)
    schedule.watchedBy('kernel')
    assert.equal(dueIn(schedule), 10)
    schedule.read(3)
    schedule.read(3)
    assert.equal(dueIn(schedule), 40)
    schedule.watchedBy('none')
    assert.equal(dueIn(schedule), 10)
  })
  test('never spends more than half of the time on checks', () => {
    const schedule = scheduleOf(1, 1)
    schedule.read(2000)
    schedule.written(3000)
    assert.equal(dueIn(schedule), 10)
  })
  test('takes a hint, unless nothing was read yet; with hints all the time, a tenth of it goes to checks', () => {
    const schedule = scheduleOf(5 * SECOND, 180 * SECOND)
    schedule.hint()
    assert.equal(schedule.at, Infinity)
    schedule.read(3)
    schedule.hint()
    assert.equal(dueIn(schedule), 0)
    schedule.reading()
    assert.equal(schedule.at, Infinity)
    schedule.hint()
    schedule.read(400)
    assert.equal(dueIn(schedule), 4)
  })
  test('a write answers no hint; where the kernel tells of all writes, it makes those that come with it', () => {
    for (const [echoMs, seconds] of [
      [0, 0],
      [300, 5],
    ] as const) {
      const schedule = scheduleOf(5 * SECOND, 180 * SECOND, echoMs)
      schedule.read(3)
      schedule.hint()
      schedule.written(1000)
      schedule.hint()
      assert.equal(dueIn(schedule), seconds)
    }
  })
})
