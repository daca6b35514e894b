// Other people's plugins before and after ours: a chain with portmap and bandwidth, and IPAM by dhcp.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, beforeEach, test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { run } from '@calico-node/linux'
import { requireOwnNamespace } from '@calico-node/testkit'
import { NOTHING_LEFT, Runtime, type Json } from './runtime.ts'

requireOwnNamespace()

let runtime: Runtime
before(async () => {
  runtime = await Runtime.start()
})
after(() => runtime.stop())
beforeEach(async () => {
  await runtime.reset()
  await runtime.addNetns('c1')
})

const PORTMAP = {
  type: 'portmap',
  runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] },
}
const BANDWIDTH = { type: 'bandwidth', ingressRate: 8_000_000, ingressBurst: 800_000 }

/** As runtimes do it: each plugin gets the result of the one before; DEL goes backwards with the last result. */
async function chain(command: 'ADD' | 'DEL', result: Json = {}): Promise<Json> {
  const plugins: Json[] = [runtime.conf(), PORTMAP, BANDWIDTH]
  let last = result
  for (const plugin of command === 'DEL' ? plugins.toReversed() : plugins) {
    const prevResult = last['ips'] === undefined ? {} : { prevResult: last }
    const stdin = JSON.stringify({ ...plugin, cniVersion: '1.0.0', name: 'net1', ...prevResult })
    const bin = plugin['type'] === 'calico' ? {} : { bin: '/usr/lib/cni' }
    const json = await runtime.must(command, { stdin, plugin: plugin['type'], ...bin })
    if (command === 'ADD') last = json
  }
  return last
}

test('portmap and bandwidth work after us, and go with the container', async () => {
  const result = await chain('ADD')
  const address: string = result['ips'][0].address.replace('/32', '')
  assert.match(await run('tc', ['qdisc', 'show', 'dev', 'calic1']), /tbf/)
  // What Felix does for an endpoint, so that packets find the way.
  await run('ip', ['route', 'replace', `${address}/32`, 'dev', 'calic1'])
  await run('ip', ['-n', 'c1', 'neigh', 'replace', '169.254.1.1', 'lladdr', 'ee:ee:ee:ee:ee:ee', 'dev', 'eth0'])
  await run('ip', ['address', 'replace', '10.20.0.1/32', 'dev', 'lo'])
  const script = `require('node:net').createServer((s) => s.end('from the container')).listen(80)`
  const server = spawn('ip', ['netns', 'exec', 'c1', process.execPath, '-e', script])
  try {
    const answer = await waitFor(
      'an answer through the mapped port',
      async () => (await read('10.20.0.1', 8080)) || undefined,
    )
    assert.equal(answer, 'from the container')
  } finally {
    server.kill('SIGKILL')
  }
  await runtime.must('CHECK', { conf: { prevResult: result } })
  await chain('DEL', result)
  assert.doesNotMatch(await run('iptables-save', ['-t', 'nat']), /8080/)
  assert.deepEqual(await runtime.leftovers(), NOTHING_LEFT)
})

test('dhcp, which needs the interface before it is there, is an error that leaves nothing', async () => {
  const { json } = await runtime.call('ADD', { conf: { ipam: { type: 'dhcp' } } })
  assert.match(json['msg'], /IPAM plugin dhcp failed: .*dhcp\.sock/)
  assert.deepEqual(await runtime.leftovers(), NOTHING_LEFT)
})

async function read(host: string, port: number): Promise<string> {
  const socket = connect({ host, port })
  return text(socket).catch(() => '')
}
