import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { quietLogger } from '@calico-node/core'
import { parseIp, parseMac } from '@calico-node/model'
import { requireOwnNamespace } from '@calico-node/testkit'
import { createForwarding, listForwarding } from './forwarding.ts'
import { addVeth, deleteLink, findLink, listAddresses, listLinks, setLink } from './links.ts'
import type { ForwardingEntry, TunnelDevice } from './ports.ts'
import { run } from './run.ts'
import { createTunnelDevices } from './tunnel-devices.ts'

requireOwnNamespace()

const mac = parseMac('66:01:02:03:04:05')
const vxlan = { vni: 4096, port: 4789, parent: 'eth0', local: parseIp('10.1.0.1'), mac }
const four: TunnelDevice = { name: 'vxlan.calico', mtuBytes: 1450, address: parseIp('10.65.0.1'), vxlan }
const six: TunnelDevice = {
  name: 'vxlan-v6.calico',
  mtuBytes: 1430,
  address: parseIp('fd65::1'),
  vxlan: { ...vxlan, local: parseIp('fd00::1') },
}

const addresses = async (dev: string): Promise<string[]> =>
  (await listAddresses())
    .filter((each) => each.dev === dev && each.scope !== 'link')
    .map(({ ip, prefixLength }) => `${ip}/${prefixLength}`)
const details = async (name: string): Promise<string> => run('ip', ['-d', 'link', 'show', 'dev', name])

async function freshUplink(): Promise<void> {
  for (const { name } of await listLinks()) if (name !== 'lo') await deleteLink(name)
  for (const name of ['eth0', 'eth1']) {
    await addVeth({ name }, { name: `${name}-peer` })
    await setLink(`${name}-peer`, { up: true })
    await setLink(name, { up: true })
  }
  await run('ip', ['address', 'add', '10.1.0.1/24', 'dev', 'eth0'])
  await run('ip', ['address', 'add', 'fd00::1/64', 'dev', 'eth0', 'nodad'])
}

describe('tunnel devices', () => {
  beforeEach(freshUplink)

  test('of both IP versions are made, addressed and up, and left alone when they fit', async () => {
    const driver = createTunnelDevices({ log: quietLogger })
    for (const device of [four, six]) driver.setDevice(device)
    await driver.apply()
    const index = async (): Promise<(number | undefined)[]> =>
      Promise.all([four, six].map(async ({ name }) => (await findLink(name))?.index))
    const before = await index()
    for (const { name, mtuBytes } of [four, six]) {
      const link = await findLink(name)
      assert.deepEqual([link?.kind, link?.operUp, link?.mtuBytes, link?.mac], ['vxlan', true, mtuBytes, mac])
    }
    assert.match(await details('vxlan.calico'), /vxlan id 4096 local 10\.1\.0\.1 dev eth0 .*dstport 4789 nolearning/)
    assert.match(await details('vxlan-v6.calico'), /vxlan id 4096 local fd00::1 dev eth0 .*dstport 4789 nolearning/)
    assert.deepEqual(
      [await addresses('vxlan.calico'), await addresses('vxlan-v6.calico')],
      [['10.65.0.1/32'], ['fd65::1/128']],
    )

    const restarted = createTunnelDevices({ log: quietLogger })
    for (const device of [four, six]) restarted.setDevice(device)
    await restarted.apply()
    assert.deepEqual(await index(), before)
  })

  test('change in place where the kernel allows it', async () => {
    const driver = createTunnelDevices({ log: quietLogger })
    driver.setDevice(four)
    await driver.apply()
    const before = (await findLink('vxlan.calico'))?.index
    const other = parseMac('66:00:00:00:00:09')
    driver.setDevice({ ...four, mtuBytes: 1400, address: parseIp('10.65.0.9'), vxlan: { ...vxlan, mac: other } })
    await driver.apply()
    const after = await findLink('vxlan.calico')
    assert.deepEqual([after?.index, after?.mtuBytes, after?.mac, after?.operUp], [before, 1400, other, true])
    assert.deepEqual(await addresses('vxlan.calico'), ['10.65.0.9/32'])
    driver.setDevice({ name: four.name, mtuBytes: 1400, vxlan })
    await driver.apply()
    assert.deepEqual(await addresses('vxlan.calico'), [])
  })

  const foreign: [what: string, words: string][] = [
    ['another network identifier', 'id 7 dev eth0 local 10.1.0.1 dstport 4789 nolearning'],
    ['another parent', 'id 4096 dev eth1 local 10.1.0.1 dstport 4789 nolearning'],
    ['another port', 'id 4096 dev eth0 local 10.1.0.1 dstport 8472 nolearning'],
    ['learning', 'id 4096 dev eth0 local 10.1.0.1 dstport 4789'],
    ['a multicast group', 'id 4096 dev eth0 local 10.1.0.1 group 239.1.1.1 dstport 4789 nolearning'],
  ]
  for (const [what, words] of foreign) {
    test(`with ${what} are made anew`, async () => {
      await run('ip', ['link', 'add', 'vxlan.calico', 'type', 'vxlan', ...words.split(' ')])
      const driver = createTunnelDevices({ log: quietLogger })
      driver.setDevice(four)
      await driver.apply()
      assert.match(await details('vxlan.calico'), /vxlan id 4096 local 10\.1\.0\.1 dev eth0 .*dstport 4789 nolearning/)
    })
  }

  test('that drifted are mended at the next read-back', async () => {
    const driver = createTunnelDevices({ log: quietLogger })
    driver.setDevice(four)
    await driver.apply()
    await run('ip', ['address', 'add', '192.0.2.1/24', 'dev', 'vxlan.calico'])
    await setLink('vxlan.calico', { up: false, mtuBytes: 1300 })
    driver.queueResync()
    await driver.apply()
    const link = await findLink('vxlan.calico')
    assert.deepEqual([link?.operUp, link?.mtuBytes, await addresses('vxlan.calico')], [true, 1450, ['10.65.0.1/32']])
    await deleteLink('vxlan.calico')
    driver.queueResync()
    await driver.apply()
    assert.equal((await findLink('vxlan.calico'))?.operUp, true)
  })

  test('that nobody wants go, also those of a past life; others stay', async () => {
    await run('ip', ['link', 'add', 'vxlan.calico', 'type', 'vxlan', 'id', '9', 'dstport', '4789'])
    await run('ip', ['link', 'add', 'vxlan-mine', 'type', 'vxlan', 'id', '8', 'dstport', '4789'])
    const driver = createTunnelDevices({ log: quietLogger })
    for (const name of ['vxlan.calico', 'vxlan-v6.calico', 'tunl0']) driver.removeDevice(name)
    await driver.apply()
    assert.deepEqual(
      (await listLinks()).map(({ name }) => name).filter((name) => name.startsWith('vxlan')),
      ['vxlan-mine'],
    )
  })

  test('that cannot be made are named, wanted again later, and keep nobody else from standing', async () => {
    const driver = createTunnelDevices({ log: quietLogger })
    driver.setDevice({ ...four, vxlan: { ...vxlan, parent: 'absent0' } })
    driver.setDevice(six)
    await assert.rejects(driver.apply(), {
      code: 'APPLY_FAILED',
      context: { names: ['vxlan.calico'] },
      message: /vxlan\.calico: .*absent0/,
    })
    assert.equal((await findLink('vxlan-v6.calico'))?.operUp, true)
    assert.ok(driver.dueInMs?.() !== undefined)
    driver.setDevice(four)
    await driver.apply()
    assert.equal(driver.dueInMs?.(), undefined)
  })
})

describe('forwarding entries', () => {
  const entry = (last: number, host: string, dev = 'vxlan.calico'): ForwardingEntry => ({
    dev,
    mac: parseMac(`66:00:00:00:00:0${last}`),
    host: parseIp(host),
  })
  const standing = async (): Promise<string[]> =>
    (await listForwarding()).map(({ dev, mac: address, host }) => `${dev} ${address} ${host}`).toSorted()

  beforeEach(async () => {
    await freshUplink()
    const driver = createTunnelDevices({ log: quietLogger })
    for (const device of [four, six]) driver.setDevice(device)
    await driver.apply()
  })

  test('come and change before, and go after', async () => {
    const driver = createForwarding({ log: quietLogger })
    driver.set('a', [entry(1, '10.1.0.2'), entry(2, 'fd00::2', 'vxlan-v6.calico')])
    await driver.apply()
    assert.deepEqual(await standing(), [
      'vxlan-v6.calico 66:00:00:00:00:02 fd00::2',
      'vxlan.calico 66:00:00:00:00:01 10.1.0.2',
    ])
    driver.set('a', [entry(1, '10.1.0.3')])
    await driver.apply()
    assert.deepEqual(await standing(), [
      'vxlan-v6.calico 66:00:00:00:00:02 fd00::2',
      'vxlan.calico 66:00:00:00:00:01 10.1.0.3',
    ])
    await driver.applyDeletions()
    assert.deepEqual(await standing(), ['vxlan.calico 66:00:00:00:00:01 10.1.0.3'])
  })

  test('of a past life are swept, and a device that was made anew gets them again', async () => {
    await run('bridge', [
      'fdb',
      'add',
      '66:00:00:00:00:09',
      'dev',
      'vxlan.calico',
      'dst',
      '10.1.0.9',
      'self',
      'permanent',
    ])
    const driver = createForwarding({ log: quietLogger })
    driver.set('a', [entry(1, '10.1.0.2')])
    await driver.apply()
    await driver.applyDeletions()
    assert.deepEqual(await standing(), ['vxlan.calico 66:00:00:00:00:01 10.1.0.2'])
    await deleteLink('vxlan.calico')
    const devices = createTunnelDevices({ log: quietLogger })
    devices.setDevice(four)
    await devices.apply()
    driver.queueResync()
    await driver.apply()
    assert.deepEqual(await standing(), ['vxlan.calico 66:00:00:00:00:01 10.1.0.2'])
  })

  test('one that is refused is named and leaves the others alone', async () => {
    const driver = createForwarding({ log: quietLogger })
    driver.set('a', [entry(1, '10.1.0.2', 'absent0'), entry(2, '10.1.0.3')])
    await assert.rejects(driver.apply(), {
      code: 'APPLY_FAILED',
      context: { failed: ['absent0 66:00:00:00:00:01: Cannot find device "absent0"'] },
    })
    assert.deepEqual(await standing(), ['vxlan.calico 66:00:00:00:00:02 10.1.0.3'])
  })
})
