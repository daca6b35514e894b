import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readlinkSync } from 'node:fs'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { parseCidr, parseIp, parseIpInterface, parseMac } from '@calico-node/model'
import {
  addAddress,
  addVeth,
  deleteLink,
  findLink,
  findRouteTo,
  listAddresses,
  listLinks,
  listNeighbours,
  listRoutes,
  moveLink,
  removeAddress,
  removeRoute,
  renameLink,
  replaceNeighbour,
  replaceRoute,
  setLink,
} from './links.ts'
import { runIn, type Netns } from './netns.ts'
import { run } from './run.ts'
import { requireOwnNamespace } from '@calico-node/testkit'

requireOwnNamespace()

const inside: Netns = { path: '/run/netns/inside' }

describe('links', () => {
  beforeEach(() => run('ip', ['netns', 'add', 'inside']))
  afterEach(async () => {
    await run('ip', ['netns', 'del', 'inside'])
    for (const { name } of await listLinks()) if (name !== 'lo') await deleteLink(name)
  })

  test('a veth pair is made with one end in another namespace', async () => {
    const mac = parseMac('ee:ee:ee:ee:ee:ee')
    await addVeth(
      { name: 'cali1', mac },
      { name: 'eth0', netns: inside, mac: parseMac('02:00:00:00:00:01') },
      { mtuBytes: 1410 },
    )
    const { name, mac: hostMac, mtuBytes, kind, operUp, adminUp } = (await findLink('cali1')) ?? assert.fail('no cali1')
    assert.deepEqual(
      { name, hostMac, mtuBytes, kind, operUp, adminUp },
      { name: 'cali1', hostMac: mac, mtuBytes: 1410, kind: 'veth', operUp: false, adminUp: false },
    )
    const peer = await findLink('eth0', { netns: inside })
    assert.deepEqual([peer?.mac, peer?.mtuBytes], ['02:00:00:00:00:01', 1410])
    assert.equal(await findLink('eth0'), undefined)

    await setLink('cali1', { up: true })
    assert.deepEqual([(await findLink('cali1'))?.adminUp, (await findLink('cali1'))?.operUp], [true, false]) // no carrier yet
    await setLink('eth0', { up: true, mtuBytes: 1400 }, { netns: inside })
    assert.equal((await findLink('cali1'))?.operUp, true)
    assert.equal((await findLink('eth0', { netns: inside }))?.mtuBytes, 1400)
  })

  test('deleting is idempotent and takes the other end along', async () => {
    await addVeth({ name: 'cali1' }, { name: 'eth0', netns: inside })
    assert.equal(await deleteLink('cali1'), true)
    assert.equal(await deleteLink('cali1'), false)
    assert.deepEqual(
      (await listLinks({ netns: inside })).map(({ name }) => name),
      ['lo'],
    )
  })

  test('a namespace that is gone is an error, not an absent link', async () => {
    await assert.rejects(deleteLink('eth0', { netns: { path: '/run/netns/none' } }), { code: 'COMMAND_FAILED' })
  })

  test('links are renamed and moved, by path or by process', async () => {
    const child = spawn('unshare', ['--net', 'sleep', '60'])
    const netns: Netns = { pid: child.pid ?? assert.fail('no process') }
    const own = readlinkSync('/proc/self/ns/net')
    await waitFor('the process to be in its own namespace', () => readlinkSync(`/proc/${child.pid}/ns/net`) !== own)
    await addVeth({ name: 'a' }, { name: 'b' })
    await renameLink('a', 'cali1')
    await moveLink('b', inside, { as: 'eth0' })
    assert.ok(await findLink('eth0', { netns: inside }))
    await moveLink('eth0', netns, { netns: inside, as: 'eth5' })
    assert.ok(await findLink('eth5', { netns }))
    assert.equal(await runIn(netns, 'cat', ['/proc/self/net/dev']).then((text) => text.includes('eth5')), true)
    child.kill('SIGKILL')
  })

  test('addresses, routes and neighbours are set twice without harm, read back, and removed', async () => {
    const at = { netns: inside }
    await addVeth({ name: 'cali1' }, { name: 'eth0', netns: inside })
    await setLink('cali1', { up: true })
    await setLink('eth0', { up: true }, at)
    const gateway = parseIp('169.254.1.1')
    for (let twice = 0; twice < 2; twice++) {
      await addAddress('eth0', parseIpInterface('10.65.0.1/32'), at)
      await addAddress('eth0', parseIpInterface('fd00:65::1/128'), at)
      await replaceRoute(
        { dst: parseCidr('169.254.1.1/32'), kind: 'unicast', dev: 'eth0', scope: 'link', protocol: 3 },
        at,
      )
      await replaceRoute(
        { dst: parseCidr('0.0.0.0/0'), kind: 'unicast', dev: 'eth0', via: gateway, scope: 'global', protocol: 3 },
        at,
      )
      await replaceNeighbour({ dev: 'eth0', ip: gateway, mac: parseMac('ee:ee:ee:ee:ee:ee') }, at)
    }
    const addresses = (await listAddresses(at)).filter(({ dev, scope }) => dev === 'eth0' && scope === 'global')
    assert.deepEqual(
      addresses.map(({ ip, prefixLength, tentative }) => [ip, prefixLength, tentative]),
      [
        ['10.65.0.1', 32, false],
        ['fd00:65::1', 128, false],
      ],
    )
    assert.deepEqual(
      (await listRoutes(4, at)).map(({ dst, via, dev }) => [dst, via, dev]),
      [
        ['0.0.0.0/0', gateway, 'eth0'],
        ['169.254.1.1/32', undefined, 'eth0'],
      ],
    )
    assert.deepEqual(await listNeighbours(4, at), [
      { dev: 'eth0', ip: gateway, mac: 'ee:ee:ee:ee:ee:ee', permanent: true },
    ])
    const way = await findRouteTo(parseIp('192.0.2.1'), at)
    assert.deepEqual([way?.dev, way?.via, way?.src], ['eth0', gateway, '10.65.0.1'])
    assert.equal(await findRouteTo(parseIp('192.0.2.1')), undefined)

    assert.equal(await removeRoute(parseCidr('0.0.0.0/0'), 'eth0', at), true)
    assert.equal(await removeRoute(parseCidr('0.0.0.0/0'), 'eth0', at), false)
    assert.equal(await removeAddress('eth0', parseIpInterface('10.65.0.1/32'), at), true)
    assert.equal(await removeAddress('eth0', parseIpInterface('10.65.0.1/32'), at), false)
    assert.ok((await listRoutes(6, { ...at, table: 'all' })).some(({ dst }) => dst === 'fd00:65::1/128'))
  })
})
