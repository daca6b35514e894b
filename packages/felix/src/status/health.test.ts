import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Health } from './health.ts'
import { healthRoutes, serveHttp } from './http-server.ts'

const GOOD = { live: true, ready: true }

function clocked(): { health: Health; pass: (ms: number) => void } {
  let now = 0
  return {
    health: new Health(() => now),
    pass: (ms) => {
      now += ms
    },
  }
}

describe('Health', () => {
  test('every part has to agree', () => {
    const { health } = clocked()
    health.register({ name: 'one', timeoutMs: 0 })
    health.register({ name: 'two', timeoutMs: 0 })
    health.report('one', GOOD)
    assert.deepEqual([health.summary().live, health.summary().ready], [true, false], 'two has only started')
    health.report('two', GOOD)
    assert.deepEqual([health.summary().live, health.summary().ready], [true, true])
    health.report('one', { live: false, ready: true })
    assert.deepEqual([health.summary().live, health.summary().ready], [false, true])
  })

  test('silence beyond the timeout is death, a new report is life', () => {
    const { health, pass } = clocked()
    health.register({ name: 'loop', timeoutMs: 90_000 })
    health.report('loop', GOOD)
    pass(90_000)
    assert.equal(health.summary().live, true)
    pass(1)
    assert.deepEqual([health.summary().live, health.summary().ready], [false, false])
    assert.match(health.summary().detail, /loop +90s +dead +not ready +silent for 90s/)
    health.report('loop', GOOD)
    assert.equal(health.summary().live, true)
  })

  test('timeouts can be changed while it runs', () => {
    const { health, pass } = clocked()
    health.register({ name: 'loop', timeoutMs: 1000 })
    health.report('loop', GOOD)
    pass(5000)
    health.setTimeouts([
      { name: 'loop', timeoutMs: 10_000 },
      { name: 'unknown', timeoutMs: 1 },
    ])
    assert.equal(health.summary().live, true)
    health.setTimeouts([])
    assert.equal(health.summary().live, false)
  })
})

describe('the health server', () => {
  test('answers 204 with nothing to tell, then 503 until ready, then 200 with a table', async () => {
    const { health } = clocked()
    const server = await serveHttp(healthRoutes(health), { host: '127.0.0.1', port: 0 })
    const ask = async (path: string): Promise<[number, string]> => {
      const answer = await fetch(`http://127.0.0.1:${server.port}${path}`)
      return [answer.status, await answer.text()]
    }
    try {
      assert.deepEqual(await ask('/liveness'), [204, ''])
      health.register({ name: 'graph', timeoutMs: 30_000 })
      assert.equal((await ask('/liveness'))[0], 200)
      assert.equal((await ask('/readiness'))[0], 503)
      health.report('graph', GOOD)
      const [status, table] = await ask('/readiness?verbose')
      assert.equal(status, 200)
      assert.match(table, /^COMPONENT +TIMEOUT +LIVENESS +READINESS +DETAIL\ngraph +30s +live +ready\n$/)
      assert.equal((await ask('/elsewhere'))[0], 404)
    } finally {
      await server.close()
    }
  })

  test('says which address is taken', async () => {
    const first = await serveHttp({}, { host: '127.0.0.1', port: 0 })
    await assert.rejects(serveHttp({}, { host: '127.0.0.1', port: first.port }), { code: 'IN_USE' })
    await first.close()
  })
})
