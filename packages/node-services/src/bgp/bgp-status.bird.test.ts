/** The status service on a real BIRD: what it serves, to whom, and that it cannot be made to change anything. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { quietLogger, waitFor } from '@calico-node/core'
import { CalicoClient, MemoryKvStore } from '@calico-node/datastore'
import { parseNodeName } from '@calico-node/model'
import { freePort, requireOwnNamespace, startBird } from '@calico-node/testkit'
import { resolveConfig } from '../params.ts'
import { bgpStatus } from './bgp-status.ts'

requireOwnNamespace()

const GROUP = 12_345
const CONFIG = `router id 10.9.0.1;
protocol device {}
protocol bgp Mesh_127_0_0_9 { local 127.0.0.1 as 64512; neighbor 127.0.0.9 as 64512; multihop; }
`

test('a member of the group reads the sessions; nobody else does, and nobody can write', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'bgp-status-'))
  chownSync(dir, 0, GROUP)
  chmodSync(dir, 0o2750) // with the set-group-ID bit, as a container without CAP_CHOWN needs it
  const bird = await startBird({ dir, config: CONFIG })
  const stop = new AbortController()
  const port = await freePort()
  const config = resolveConfig({ CALICO_BIRD_RUN_DIR: dir, CALICO_BGP_METRICS_PORT: String(port) })
  const client = new CalicoClient(new MemoryKvStore())
  const context = { client, node: parseNodeName('host-a'), config, log: quietLogger, signal: stop.signal }
  const running = bgpStatus.run(context)
  try {
    const socket = join(dir, 'bgp-status.sock')
    const ask = async (user: readonly string[], path: string, ...more: string[]): Promise<string> => {
      const curl = ['curl', '-sS', '-m', '5', '--unix-socket', socket, ...more, `http://localhost${path}`]
      return (await promisify(execFile)('setpriv', [...user, ...curl])).stdout
    }
    const member = ['--reuid=65534', `--regid=${GROUP}`, '--clear-groups']
    const stranger = ['--reuid=65534', '--regid=65534', '--clear-groups']
    await waitFor('the socket', () => statSync(socket).mode.toString(8).endsWith('660'))
    const [ipv4, ipv6] = JSON.parse(await ask(member, '/status'))
    assert.deepEqual([ipv4.running, ipv6.running, ipv4.sessions[0].name], [true, false, 'Mesh_127_0_0_9'])
    await assert.rejects(ask(stranger, '/status'))
    assert.equal(await ask(member, '/status', '-X', 'POST'), 'read-only\n')
    const metrics = await (await fetch(`http://localhost:${port}/metrics`)).text()
    assert.match(metrics, /^calico_bgp_session_up\{family="4",peer="Mesh_127_0_0_9"\} 0$/m)
  } finally {
    stop.abort()
    await running
    await bird.stop()
    rmSync(dir, { recursive: true })
  }
})
