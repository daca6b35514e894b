import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { quietLogger, sleep } from '@calico-node/core'
import { CalicoClient, MemoryKvStore } from '@calico-node/datastore'
import { parseNodeName } from '@calico-node/model'
import { resolveConfig } from './params.ts'
import { chooseServices, type NodeService, runServices, type ServiceContext } from './services.ts'

const service = (name: string, run: NodeService['run']): NodeService => ({ name, summary: '', run })
const untilStopped =
  (ended: string[]) =>
  async ({ signal }: ServiceContext): Promise<void> => {
    await sleep(60_000, signal)
    ended.push('ended')
  }
const context = (signal: AbortSignal): ServiceContext => ({
  client: new CalicoClient(new MemoryKvStore()),
  node: parseNodeName('here'),
  config: resolveConfig({}),
  log: quietLogger,
  signal,
})
const never = new AbortController().signal

describe('runServices()', () => {
  const faults: [why: string, run: NodeService['run'], message: string][] = [
    ['throws', async () => Promise.reject(new Error('no room')), 'Service b failed: no room'],
    ['ends', async () => undefined, 'Service b failed: it ended'],
  ]
  for (const [why, run, message] of faults) {
    test(`one that ${why} stops the others and is named`, async () => {
      const ended: string[] = []
      await assert.rejects(runServices([service('a', untilStopped(ended)), service('b', run)], context(never)), {
        message,
      })
      assert.deepEqual(ended, ['ended'])
    })
  }

  test('stopping all of them is no failure', async () => {
    const ended: string[] = []
    const stop = new AbortController()
    const running = runServices(
      [service('a', untilStopped(ended)), service('b', untilStopped(ended))],
      context(stop.signal),
    )
    stop.abort()
    await running
    assert.equal(ended.length, 2)
  })
})

test('chooseServices() takes all, or those named, and knows no others', () => {
  const [a, b] = [service('a', untilStopped([])), service('b', untilStopped([]))]
  assert.deepEqual(chooseServices([a, b], []), [a, b])
  assert.deepEqual(chooseServices([a, b], ['b']), [b])
  assert.throws(() => chooseServices([a, b], ['c']), {
    code: 'NOT_FOUND',
    message: 'Cannot run c: the services are a, b',
  })
})
