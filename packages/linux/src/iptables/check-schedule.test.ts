import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CheckSchedule } from './check-schedule.ts'

const SECOND = 1000
/** Seconds until the next check, as it stands right after it was set. */
const dueIn = (schedule: CheckSchedule): number => Math.round((schedule.at - performance.now()) / SECOND)

describe('CheckSchedule', () => {
  test('checks soon after a write, then ever later, up to the pace of an idle table', () => {
    const schedule = new CheckSchedule(1 * SECOND, 180 * SECOND)
    schedule.read(3)
    const delays = [() => schedule.written(5), ...Array.from({ length: 5 }, () => () => schedule.read(3))].map(
      (step) => {
        step()
        return dueIn(schedule)
      },
    )
    assert.deepEqual(delays, [1, 2, 4, 8, 10, 10])
  })
  const paces: [why: string, refreshMs: number, readMs: number, seconds: number][] = [
    ['a small table', 180 * SECOND, 3, 10],
    ['a large one', 180 * SECOND, 200, 40],
    ['a huge one', 180 * SECOND, 3500, 180],
    ['a huge one without a limit', 0, 3500, 700],
    ['a limit below the pace', 4 * SECOND, 3, 4],
  ]
  for (const [why, refreshMs, readMs, seconds] of paces) {
    test(`finds its pace for ${why}`, () => {
      const schedule = new CheckSchedule(5 * SECOND, refreshMs)
      schedule.read(readMs)
      assert.equal(dueIn(schedule), seconds)
    })
  }
  test('never spends more than half of the time on checks', () => {
    const schedule = new CheckSchedule(1, 1)
    schedule.read(2000)
    schedule.written(3000)
    assert.equal(dueIn(schedule), 10)
  })
  test('takes a hint, unless it is the echo of its own write or nothing was read yet', () => {
    const schedule = new CheckSchedule(5 * SECOND, 180 * SECOND)
    schedule.hint()
    assert.equal(schedule.at, Infinity)
    schedule.read(3)
    schedule.hint()
    assert.equal(dueIn(schedule), 0)
    schedule.written(5)
    schedule.hint()
    assert.equal(dueIn(schedule), 5)
  })
})
