import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { quietLogger } from '@calico-node/core'
import { parseIp, parseMac } from '@calico-node/model'
import { addVeth, deleteLink, listLinks, listNeighbours, setLink } from './links.ts'
import { createNeighbours } from './neighbours.ts'
import type { Entries, Neighbour } from './ports.ts'
import { run } from './run.ts'
import { requireOwnNamespace } from '@calico-node/testkit'

requireOwnNamespace()

const entry = (dev: string, ip: string, mac: string): Neighbour => ({ dev, ip: parseIp(ip), mac: parseMac(mac) })
const converge = async (driver: Entries<Neighbour>): Promise<void> => {
  await driver.apply()
  await driver.applyDeletions()
}
const permanent = async (): Promise<string[]> =>
  [...(await listNeighbours(4)), ...(await listNeighbours(6))]
    .filter((each) => each.permanent)
    .map(({ dev, ip, mac }) => `${dev} ${ip} ${mac}`)
    .toSorted()

describe('neighbours', () => {
  beforeEach(async () => {
    for (const { name } of await listLinks()) if (name !== 'lo') await deleteLink(name)
    for (const name of ['cali1', 'eth0']) {
      await addVeth({ name }, { name: `${name}-peer` })
      await setLink(`${name}-peer`, { up: true })
      await setLink(name, { up: true })
    }
  })
  const wanted = [entry('cali1', '10.0.0.1', '02:00:00:00:00:01'), entry('cali1', 'fd00::1', '02:00:00:00:00:01')]
  const asText = ['cali1 10.0.0.1 02:00:00:00:00:01', 'cali1 fd00::1 02:00:00:00:00:01']

  test('of both versions come, change and go', async () => {
    const driver = createNeighbours({ log: quietLogger })
    driver.set('workload cali1', wanted)
    await converge(driver)
    assert.deepEqual(await permanent(), asText)
    driver.set('workload cali1', [entry('cali1', '10.0.0.1', '02:00:00:00:00:02')])
    await converge(driver)
    assert.deepEqual(await permanent(), ['cali1 10.0.0.1 02:00:00:00:00:02'])
    driver.set('workload cali1', [])
    await converge(driver)
    assert.deepEqual(await permanent(), [])
  })

  test('of a past life on our devices are swept, those on others spared', async () => {
    await run('ip', ['neigh', 'add', '10.0.0.9', 'lladdr', '02:00:00:00:00:09', 'dev', 'cali1', 'nud', 'permanent'])
    await run('ip', ['neigh', 'add', '192.0.2.9', 'lladdr', '02:00:00:00:00:09', 'dev', 'eth0', 'nud', 'permanent'])
    const driver = createNeighbours({ log: quietLogger })
    driver.set('workload cali1', wanted)
    await converge(driver)
    assert.deepEqual(await permanent(), [...asText, 'eth0 192.0.2.9 02:00:00:00:00:09'])
  })

  test('come back after an interface went down and up, and after somebody changed them', async () => {
    const driver = createNeighbours({ log: quietLogger })
    driver.set('workload cali1', wanted)
    await converge(driver)
    await setLink('cali1', { up: false })
    await setLink('cali1', { up: true })
    assert.deepEqual(await permanent(), [])
    driver.queueResync()
    await converge(driver)
    assert.deepEqual(await permanent(), asText)
    await run('ip', ['neigh', 'replace', '10.0.0.1', 'lladdr', '02:00:00:00:00:66', 'dev', 'cali1', 'nud', 'reachable'])
    driver.queueResync()
    await converge(driver)
    assert.deepEqual(await permanent(), asText)
  })

  test('one that is refused is named and leaves the others alone', async () => {
    const driver = createNeighbours({ log: quietLogger })
    driver.set('workload cali9', [entry('cali9', '10.0.0.9', '02:00:00:00:00:09')])
    driver.set('workload cali1', wanted)
    await assert.rejects(converge(driver), { code: 'APPLY_FAILED', message: 'Cannot apply 1 of the neighbours' })
    assert.deepEqual(await permanent(), asText)
    assert.ok(driver.dueInMs?.() !== undefined)
    driver.set('workload cali9', [])
    await converge(driver)
    assert.equal(driver.dueInMs?.(), undefined)
  })
})
