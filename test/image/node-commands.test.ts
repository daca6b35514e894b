// calicoctl's commands for the node, on the real container.
import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { expectReachable, type Lab, LabEtcd, type Outcome, UNDERLAY } from '@calico-node/lab'
import { TestCa } from '@calico-node/testkit'
import { addOpenWorkload } from '../with-lab.ts'
import { type ContainerHost, withContainerHosts } from './with-docker.ts'

const calicoctl = async (
  { host: { machine } }: ContainerHost,
  line: string,
  env: Record<string, string> = {},
): Promise<Outcome> => machine.exec(['calicoctl', ...line.split(' ')], { env })

async function must(node: ContainerHost, line: string, env: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await calicoctl(node, line, env)
  assert.equal(code, 0, `calicoctl ${line}\n${stdout}${stderr}`)
  return stdout
}

/** An image that has etcd; the Debian one runs on the libraries of any Debian. */
async function makeEtcdImage({ host: { machine } }: ContainerHost): Promise<void> {
  const folder = join(machine.dir, 'etcd-image')
  mkdirSync(folder)
  copyFileSync('/usr/bin/etcd', join(folder, 'etcd'))
  await machine.sh(
    `printf 'FROM calico/node:latest\\nCOPY etcd /usr/local/bin/etcd\\nHEALTHCHECK NONE\\n' >${folder}/Dockerfile
    DOCKER_BUILDKIT=0 docker build --quiet --tag etcd:test ${folder}`,
    { timeoutMs: 120_000 },
  )
}

/** An etcd that wants certificates, and where they lie. */
async function secureEtcd(lab: Lab, ca: TestCa): Promise<{ etcd: LabEtcd; env: Record<string, string> }> {
  const tls = { caFile: ca.caFile, ...(await ca.issue('etcd', { altNames: [`IP:${UNDERLAY.ipv4}`] })) }
  // A proxy takes no certificate with a common name.
  const client = await ca.issue('calico', { commonName: '' })
  const etcd = new LabEtcd({ machine: lab.underlay, address: UNDERLAY.ipv4, name: 'secure', port: 12_379, tls })
  await etcd.start()
  const env = {
    ETCD_ENDPOINTS: etcd.endpoint,
    ETCD_CA_CERT_FILE: ca.caFile,
    ETCD_CERT_FILE: client.certFile,
    ETCD_KEY_FILE: client.keyFile,
  }
  return { etcd, env }
}

const TOR = `
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: { name: tor }
spec: { peerIP: 172.30.0.99, asNumber: 65000, password: { secretKeyRef: { name: tor, key: password } } }
`

/** Plants secrets where a node has them, and looks for them in what is collected. */
async function diagnose(node: ContainerHost): Promise<void> {
  const { machine } = node.host
  await machine.sh('mkdir -p /etc/calico/secrets/tor && echo planted-for-bgp >/etc/calico/secrets/tor/password')
  await machine.must(['calicoctl', 'apply', '-f', '-'], { input: TOR })
  await must(node, 'node run', { CALICO_PLANTED_PASSWORD: 'planted-in-the-environment' })
  const config = '/etc/calico/confd/config/bird.cfg'
  await waitFor(
    'the password to reach BIRD',
    async () => (await node.inside('cat', config)).includes('planted-for-bgp'),
    {
      deadlineMs: 60_000,
    },
  )
  assert.match(await node.inside('env'), /planted-in-the-environment/)
  const archive = /^Diags saved to (\S+)$/m.exec(await must(node, 'node diags'))?.[1] ?? ''
  const everything = await machine.sh(`tar -xzOf ${archive}`)
  assert.doesNotMatch(everything, /planted-(for|in)/)
  const file = async (name: string): Promise<string> => machine.sh(`tar -xzOf ${archive} diagnostics/${name}`)
  assert.match(await file('bird.cfg'), /password REDACTED;/)
  assert.match(await file('container'), /"CALICO_PLANTED_PASSWORD=REDACTED"/)
  assert.match(await file('container-log'), /^Calico node started successfully$/m)
  assert.match(await file('logs/felix/current'), /felix/)
  await machine.must(['calicoctl', 'delete', 'bgppeer', 'tor'])
}

test('node run', async (t) => {
  const ca = await TestCa.create()
  try {
    await withContainerHosts(['host1'], async ([node], lab) => {
      assert.ok(node !== undefined)
      await t.test('tells at once why the node has ended', async () => {
        const { code, stderr } = await calicoctl(node, 'node run --ip=172.30.0.11', {
          CALICO_IPV4POOL_BLOCK_SIZE: '99',
        })
        assert.equal(code, 1)
        assert.match(
          stderr,
          /^calico\/node has terminated, check logs for details\n.*CALICO_IPV4POOL_BLOCK_SIZE: "99" is not a number from 20 to 32/,
        )
      })
      await t.test('hands over its environment: policy only, and a variable of Felix', async () => {
        await must(node, 'node run', { CALICO_NETWORKING: 'false', FELIX_LOGSEVERITYSCREEN: 'Debug' })
        await node.becomesHealthy()
        assert.deepEqual((await node.inside('sh', '-c', 'ls $SVDIR')).split('\n'), ['felix', 'node-services'])
        assert.match(await node.log(), /\[DEBUG\]\[\d+\] felix/)
      })
      await t.test('calicoctl node does the same, in place of what runs', async () => {
        const stdout = await must(node, 'node')
        assert.match(stdout, /^Calico node started successfully$/m)
        await node.becomesHealthy()
      })
      await t.test('the node may do what it needs, and no more', async () => {
        const status = await node.inside('grep', '-h', '-E', '^(CapEff|NoNewPrivs|Seccomp):', '/proc/1/status')
        assert.match(status, /^CapEff:\t0000000000003400\nNoNewPrivs:\t1\nSeccomp:\t2$/)
        assert.equal(await node.engine.docker('diff', 'calico-node'), '')
        await assert.rejects(node.inside('ls', '/run/docker.sock'))
      })

      await t.test('--init-system stays with the container until it is stopped, and leaves none', async () => {
        const { machine } = node.host
        await node.remove()
        const attached = machine.exec(['calicoctl', 'node', 'run', '--init-system'], { timeoutMs: 120_000 })
        await waitFor(
          'the container',
          async () => (await machine.exec(['docker', 'inspect', 'calico-node'])).code === 0,
        )
        await node.becomesHealthy()
        await machine.sh("pkill -TERM -f '^/.*node .*/calicoctl.cjs node run'")
        const { code, stdout } = await attached
        assert.equal(code, 0)
        assert.match(stdout, /^Calico node started successfully$/m)
        await waitFor('no container', async () => (await machine.exec(['docker', 'inspect', 'calico-node'])).code !== 0)
      })
      await t.test('node diags tells all about the container, but no secret', async () => diagnose(node))

      const { env } = await secureEtcd(lab, ca)
      await t.test('certificates reach the node', async () => {
        await must(node, 'node run', env)
        await node.becomesHealthy()
      })
      await makeEtcdImage(node)
      for (const words of ['--etcd-proxy', '--etcd-proxy --etcd-image=etcd:test']) {
        await t.test(`${words}: tells why the proxy does not start`, async () => {
          const { certFile, keyFile } = await ca.issue('named')
          const { code, stderr } = await calicoctl(node, `node run ${words}`, {
            ...env,
            ETCD_CERT_FILE: certFile,
            ETCD_KEY_FILE: keyFile,
          })
          assert.equal(code, 1)
          assert.match(stderr, /Cannot start the etcd proxy: .*cert has non empty Common Name \(named\)/)
        })
        await t.test(`${words}: the proxy alone has the certificates`, async () => {
          await must(node, `node run ${words}`, env)
          await node.becomesHealthy()
          assert.equal(await node.inside('sh', '-c', 'echo $ETCD_ENDPOINTS $ETCD_KEY_FILE'), 'http://127.0.0.1:23790')
          assert.equal((await node.host.machine.sh('pgrep -c -f "^etcd grpc-proxy"')).trim(), '1')
        })
      }
      await t.test('node stop ends the proxy too', async () => {
        await must(node, 'node stop', env)
        await waitFor(
          'the proxy to end',
          async () => (await node.host.machine.exec(['pgrep', '-f', '^etcd grpc-proxy'])).code === 1,
        )
      })
    })
  } finally {
    ca.remove()
  }
})

test('node stop and node cleanup', async (t) => {
  await withContainerHosts(['host1', 'host2'], async ([one, two]) => {
    assert.ok(one !== undefined && two !== undefined)
    await Promise.all([must(one, 'node run'), must(two, 'node run')])
    const a = await addOpenWorkload(one.host, 'a')
    const b = await addOpenWorkload(two.host, 'b')
    await expectReachable([{ from: a, to: b }], 60_000)
    const learnt = async (): Promise<string> =>
      two.host.machine.sh("ip route show proto bird | grep '^192\\.168.* via 172.30.0.11 ' || true")

    await t.test('stop: the peer keeps the routes, traffic goes on', async () => {
      assert.match(await must(one, 'node stop'), /^Node stopped$/m)
      assert.deepEqual(await one.host.pids('calico-felix'), [])
      assert.notEqual(await learnt(), '')
      await expectReachable([
        { from: a, to: b },
        { from: b, to: a },
      ])
    })
    await t.test('stop --withdraw: the peer drops them at once', async () => {
      await must(one, 'node run')
      await one.becomesHealthy()
      assert.match(await must(one, 'node stop --withdraw'), /^Ended BGP sessions: Mesh_172_30_0_12\b/m)
      await waitFor('the routes to go', async () => (await learnt()) === '')
    })
    await t.test('cleanup: says what would go, takes it, and finds nothing more', async () => {
      await one.host.machine.sh(
        'ip route add 10.99.0.0/24 via 172.30.0.12 && iptables-legacy -I FORWARD -s 10.99.0.0/24 -j ACCEPT',
      )
      const state = async (): Promise<string> =>
        one.host.machine.sh(
          'for v in legacy nft; do iptables-$v-save | grep -v "^#" | sed "s/ \\[[0-9:]*\\]//"; done; ipset list -n; ip route; ip -br link',
        )
      const before = await state()
      assert.match(await must(one, 'node cleanup --dry-run --bird-routes'), /^Would remove /m)
      assert.equal(await state(), before)
      await must(one, 'node cleanup --remove-endpoints --bird-routes')
      const after = await state()
      assert.doesNotMatch(after, /cali|proto bird/)
      assert.match(after, /^10\.99\.0\.0\/24 via 172\.30\.0\.12/m)
      assert.match(after, /-A FORWARD -s 10\.99\.0\.0\/24 -j ACCEPT/)
      assert.match(
        await must(one, 'node cleanup --remove-endpoints --bird-routes'),
        /^Nothing of Calico is on this host\.$/m,
      )
    })
  })
})
