import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { quietLogger, waitFor } from '@calico-node/core'
import { createLinkMonitor, type LinkMonitorOptions } from './link-monitor.ts'
import { addVeth, deleteLink, listLinks, renameLink, setLink } from './links.ts'
import type { LinkEvent } from './ports.ts'
import { run } from './run.ts'
import { requireOwnNamespace } from '@calico-node/testkit'

requireOwnNamespace()

const told = (event: LinkEvent): string => {
  if (event.kind === 'link')
    return `${event.name} ${event.link === undefined ? 'gone' : event.link.operUp ? 'up' : 'down'}`
  return event.kind === 'addresses'
    ? `${event.name} has ${[...event.addresses].filter((ip) => !ip.startsWith('fe80')).join(' ')}`
    : event.kind
}
const ip = (...args: string[]): Promise<string> => run('ip', args)

describe('link monitor', () => {
  let heard: string[] = []
  let stop = new AbortController()
  let ended: Promise<void> = Promise.resolve()

  /** Follows in the background; what is heard is kept in order. */
  const follow = async (opts: Partial<LinkMonitorOptions> = {}): Promise<void> => {
    stop = new AbortController()
    heard = []
    const events = createLinkMonitor({ log: quietLogger, refreshMs: 0, ...opts }).events(stop.signal)
    ended = (async () => {
      for await (const event of events) heard.push(told(event))
    })()
    await hears('in-sync')
  }
  const hears = (what: string, times = 1): Promise<boolean> =>
    waitFor(`"${what}" among ${JSON.stringify(heard)}`, () => heard.filter((each) => each === what).length >= times, {
      pollMs: 5,
      deadlineMs: 5000,
    })

  beforeEach(async () => {
    for (const { name } of await listLinks()) if (name !== 'lo') await deleteLink(name)
    await addVeth({ name: 'cali1' }, { name: 'peer1' })
    await setLink('peer1', { up: true })
    await setLink('cali1', { up: true })
  })
  afterEach(async () => {
    stop.abort()
    await ended
  })

  test('tells everything before the first in-sync', async () => {
    await ip('addr', 'add', '192.0.2.1/24', 'dev', 'peer1')
    await follow()
    const before = heard.slice(0, heard.indexOf('in-sync'))
    for (const what of ['lo up', 'cali1 up', 'peer1 up', 'peer1 has 192.0.2.1'])
      assert.ok(before.includes(what), `${what} in ${before.join(', ')}`)
  })

  test('tells of links that come, lose carrier, are renamed and go', async () => {
    await follow()
    await addVeth({ name: 'cali2' }, { name: 'peer2' })
    await hears('cali2 down')
    await setLink('peer2', { up: true })
    await setLink('cali2', { up: true })
    await hears('cali2 up')
    await setLink('peer2', { up: false })
    await hears('cali2 down', 2)
    await setLink('cali2', { up: false })
    await renameLink('cali2', 'cali3')
    await hears('cali3 down')
    await hears('cali2 gone')
    await deleteLink('cali3')
    await hears('cali3 gone')
    await hears('peer2 gone')
  })

  test('does not tell of an address that is renewed, and tells of one that is lost', async () => {
    await ip('addr', 'add', '192.0.2.1/24', 'dev', 'peer1')
    await follow({ holdMs: 300 })
    const before = heard.length
    await ip('addr', 'del', '192.0.2.1/24', 'dev', 'peer1')
    await ip('addr', 'add', '192.0.2.1/24', 'dev', 'peer1')
    await ip('addr', 'add', '192.0.2.7/24', 'dev', 'cali1')
    await hears('cali1 has 192.0.2.7')
    assert.ok(!heard.slice(before).includes('peer1 has '), heard.join(', '))
    await ip('addr', 'del', '192.0.2.1/24', 'dev', 'peer1')
    await hears('peer1 has ')
  })

  test('hints that routes changed, once for a storm, and not for those that come with addresses', async () => {
    await follow()
    await ip('route', 'add', '10.0.0.1/32', 'dev', 'cali1')
    await hears('routes-changed')
    const input = Array.from({ length: 200 }, (_, i) => `route add 10.1.0.${i}/32 dev cali1\n`).join('')
    await run('ip', ['-batch', '-'], { input })
    await hears('routes-changed', 2)
    assert.ok(heard.filter((each) => each === 'routes-changed').length <= 3)
  })

  test('is started again when it dies, and has missed nothing', async () => {
    await follow()
    const pid = Number(execFileSync('pgrep', ['-P', String(process.pid), '-f', '^ip -o monitor'], { encoding: 'utf8' }))
    process.kill(pid, 'SIGKILL')
    await addVeth({ name: 'cali2' }, { name: 'peer2' })
    await hears('cali2 down')
    await deleteLink('cali2')
    await hears('cali2 gone')
  })

  test('reads again by the clock, should an event be lost', async () => {
    await follow({ refreshMs: 100 })
    const pid = Number(execFileSync('pgrep', ['-P', String(process.pid), '-f', '^ip -o monitor'], { encoding: 'utf8' }))
    process.kill(pid, 'SIGSTOP')
    await addVeth({ name: 'cali2' }, { name: 'peer2' })
    await hears('cali2 down')
    process.kill(pid, 'SIGCONT')
  })

  test('leaves no process behind', async () => {
    await follow()
    stop.abort()
    await ended
    await waitFor('no child', () => {
      try {
        return execFileSync('pgrep', ['-P', String(process.pid), '-f', '^ip -o monitor'], { encoding: 'utf8' }) === ''
      } catch {
        return true // pgrep exits with 1 when it finds none
      }
    })
  })
})
