import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { quietLogger } from '@calico-node/core'
import { parseCidr, parseInterfaceName, parseMac } from '@calico-node/model'
import type { WorkloadEndpoint } from '../calc/messages.ts'
import { EndpointFiles } from './endpoint-files.ts'
import { Problems } from './problems.ts'

const id = { orchestrator: 'cni', workload: 'default/9f 3', endpoint: 'eth0' }
const endpoint: WorkloadEndpoint = {
  id,
  interfaceName: parseInterfaceName('cali1'),
  mac: parseMac('ee:ee:ee:ee:ee:ee'),
  nets: [parseCidr('10.0.0.1/32'), parseCidr('fd00::1/128')],
  tiers: [],
  profiles: [],
}
const NAME = 'cni default%2F9f%203 eth0'

describe('EndpointFiles', () => {
  let prefix: string
  let files: EndpointFiles
  let problems: Problems
  const names = () => readdirSync(join(prefix, 'endpoint-status')).toSorted()
  beforeEach(() => {
    prefix = mkdtempSync(join(tmpdir(), 'endpoint-files-'))
    problems = new Problems({ log: quietLogger })
    files = new EndpointFiles(prefix, problems)
  })
  afterEach(() => rmSync(prefix, { recursive: true, force: true }))

  test('an endpoint has a file while it is known and up', () => {
    files.start()
    files.setEndpoint(id, endpoint)
    assert.deepEqual(names(), [])
    files.setUp(id, true)
    assert.deepEqual(names(), [NAME])
    assert.deepEqual(JSON.parse(readFileSync(join(prefix, 'endpoint-status', NAME), 'utf8')), {
      ifaceName: 'cali1',
      mac: 'ee:ee:ee:ee:ee:ee',
      ipv4Nets: ['10.0.0.1/32'],
      ipv6Nets: ['fd00::1/128'],
    })
    files.setUp(id, false)
    assert.deepEqual(names(), [])
    files.setUp(id, true)
    files.setEndpoint(id, undefined)
    assert.deepEqual(names(), [])
  })

  test('an endpoint that a BGPPeer chooses names it', () => {
    files.start()
    files.setUp(id, true)
    files.setEndpoint(id, { ...endpoint, bgpPeer: 'routers' })
    assert.match(readFileSync(join(prefix, 'endpoint-status', NAME), 'utf8'), /"bgpPeerName":"routers"/)
  })

  test('nothing is written or removed before all endpoints are known; then leftovers go', () => {
    mkdirSync(join(prefix, 'endpoint-status'))
    writeFileSync(join(prefix, 'endpoint-status', 'cni old eth0'), '{}')
    files.setEndpoint(id, endpoint)
    files.setUp(id, true)
    files.reconcile()
    assert.deepEqual(names(), ['cni old eth0'])
    files.start()
    assert.deepEqual(names(), [NAME])
  })

  test('a look repairs what somebody else changed', () => {
    files.start()
    files.setEndpoint(id, endpoint)
    files.setUp(id, true)
    writeFileSync(join(prefix, 'endpoint-status', NAME), 'scribble')
    files.reconcile()
    assert.match(readFileSync(join(prefix, 'endpoint-status', NAME), 'utf8'), /cali1/)
    rmSync(join(prefix, 'endpoint-status'), { recursive: true })
    files.reconcile()
    assert.deepEqual(names(), [NAME])
  })

  test('files that cannot be written are a problem of the host, until all of them can', () => {
    const directory = join(prefix, 'endpoint-status')
    writeFileSync(directory, '')
    files.start()
    files.setEndpoint(id, endpoint)
    files.setUp(id, true)
    const [{ reason } = { reason: '' }, ...others] = problems.list()
    assert.ok(reason.startsWith(`Cannot write the status of endpoints to ${directory}: `), reason)
    assert.deepEqual(others, [])
    rmSync(directory)
    files.reconcile()
    assert.deepEqual([names(), problems.list()], [[NAME], []])
  })
})
