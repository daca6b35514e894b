// What is wrong ends the container with exit status 1 and one line that tells what to do; host and etcd stay as they were.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { LabEtcd, UNDERLAY } from '@calico-node/lab'
import { TestCa } from '@calico-node/testkit'
import { type ContainerHost, LEAST_PRIVILEGE, type RunOptions, withContainerHosts } from './with-docker.ts'

const without = (...options: readonly string[]): string[] =>
  LEAST_PRIVILEGE.filter((option) => !options.includes(option))

/** Runs to the end, and holds it to one line that matches. */
async function refused(host: ContainerHost, opts: RunOptions, pattern: RegExp): Promise<void> {
  const { exitCode, lines } = await host.runToEnd(opts)
  const said = lines.join('\n')
  assert.equal(exitCode, 1, said)
  assert.equal(lines.filter((line) => pattern.test(line)).length, 1, `want one line like ${pattern}:\n${said}`)
  assert.equal(lines.filter((line) => /\[(ERROR|FATAL)\]|^start-node: /.test(line)).length, 1, said)
  assert.doesNotMatch(said, /started successfully/)
}

/** What a start would change: our rules, and what lies in our folders. */
const stateOf = async ({ host: { machine } }: ContainerHost): Promise<string> =>
  machine.sh(`for v in legacy nft; do iptables-$v-save; ip6tables-$v-save; done 2>/dev/null | grep cali
    ls -A /var/lib/calico /var/run/calico`)

test('missing rights are named with the option that gives them', async (t) => {
  await withContainerHosts(['host1'], async ([host], lab) => {
    assert.ok(host !== undefined)
    await host.host.machine.sh('mkdir -p /var/lib/calico /var/run/calico')
    const before = await stateOf(host)
    const rows: [missing: string, rights: readonly string[], line: RegExp][] = [
      ['NET_ADMIN', without('--cap-add=NET_ADMIN'), /NET_ADMIN is missing, give --cap-add=NET_ADMIN$/],
      ['NET_RAW', without('--cap-add=NET_RAW'), /NET_RAW is missing, give --cap-add=NET_RAW$/],
      [
        'kernel parameters',
        without('--volume=/proc/sys/net:/host/proc/sys/net'),
        /kernel parameters are read-only, give --volume=\/proc\/sys\/net:\/host\/proc\/sys\/net$/,
      ],
      [
        '/run',
        without('--tmpfs=/run', '--volume=/var/run/calico:/var/run/calico'),
        /^start-node: Cannot write \/run: give the container --tmpfs=\/run or --volume=\/run:\/run$/,
      ],
      [
        'several at once',
        without('--cap-add=NET_ADMIN', '--cap-add=NET_RAW', '--volume=/var/lib/calico:/var/lib/calico'),
        /--cap-add=NET_ADMIN; .*--cap-add=NET_RAW; \/var\/lib\/calico is read-only, give --volume=\/var\/lib\/calico:\/var\/lib\/calico$/,
      ],
    ]
    for (const [missing, rights, line] of rows) await t.test(missing, async () => refused(host, { rights }, line))
    assert.equal(await stateOf(host), before)
    assert.deepEqual(await lab.etcd.keys('/calico/'), [])

    await t.test('a port for BIRD is only a warning', async () => {
      await host.run({ rights: without('--cap-add=NET_BIND_SERVICE') })
      assert.match(
        await host.log(),
        /\[WARNING\].* shortcoming="BIRD cannot listen on port 179, give --cap-add=NET_BIND_SERVICE"$/m,
      )
    })
  })
})

test('a bad configuration is one line that names it', async (t) => {
  await withContainerHosts(['host1', 'host2'], async ([one, two], lab) => {
    assert.ok(one !== undefined && two !== undefined)
    const rows: [env: Record<string, string>, line: RegExp][] = [
      [{ IP: '10.0.0.256' }, /\[ERROR\].* IP: .*10\.0\.0\.256/],
      [{ AS: '4294967296' }, /\[ERROR\].* AS: .*4294967296/],
      [
        { CALICO_NETWORKING_BACKEND: 'gobgp' },
        /\[ERROR\].* CALICO_NETWORKING_BACKEND: "gobgp" is not one of bird, none, vxlan/,
      ],
      [{ ETCD_ENDPOINTS: 'etcd:2379:1' }, /\[ERROR\].* etcd endpoint "etcd:2379:1": want http/],
      [{ ETCD_PASSWORD_FILE: '/run/secrets/no' }, /\[ERROR\].* \/run\/secrets\/no \(ETCD_PASSWORD_FILE\): ENOENT/],
    ]
    for (const [env, line] of rows) await t.test(JSON.stringify(env), async () => refused(one, { env }, line))
    assert.deepEqual(await lab.etcd.keys('/calico/'), [])

    await t.test('an unknown variable is only a warning, with the name that was meant', async () => {
      await one.run({ env: { CALICO_IPV4POOL_CDIR: '10.9.0.0/16' } })
      assert.match(
        await one.log(),
        /\[WARNING\].*Unknown variable.* name=CALICO_IPV4POOL_CDIR nearest=CALICO_IPV4POOL_CIDR$/m,
      )
    })
    await t.test('an address that another node has', async () => {
      await two.host.machine.sh('mkdir -p /var/lib/calico /var/run/calico')
      const before = await stateOf(two)
      await refused(two, { env: { IP: one.host.addresses.ipv4 } }, /172\.30\.0\.11.*host1/)
      assert.equal(await lab.etcd.json('/calico/resources/v3/projectcalico.org/nodes/host2'), undefined)
      assert.equal(await stateOf(two), before)
    })
  })
})

test('etcd by TLS', async (t) => {
  const [ca, strange] = [await TestCa.create(), await TestCa.create('another CA')]
  try {
    await withContainerHosts(['host1'], async ([host], lab) => {
      assert.ok(host !== undefined)
      const server = await ca.issue('etcd', { altNames: [`IP:${UNDERLAY.ipv4}`] })
      const good = await ca.issue('calico')
      const bad = await strange.issue('stranger')
      const tls = { caFile: ca.caFile, ...server }
      const etcd = new LabEtcd({ machine: lab.underlay, address: UNDERLAY.ipv4, name: 'secure', port: 12_379, tls })
      await etcd.start()
      const files = (caFile: string, { certFile, keyFile }: typeof good): RunOptions => ({
        env: {
          ETCD_ENDPOINTS: etcd.endpoint,
          ETCD_CA_CERT_FILE: '/etc/calico/certs/ca_cert.crt',
          ETCD_CERT_FILE: '/etc/calico/certs/cert.crt',
          ETCD_KEY_FILE: '/etc/calico/certs/key.pem',
        },
        rights: [
          ...LEAST_PRIVILEGE,
          `--volume=${caFile}:/etc/calico/certs/ca_cert.crt:ro`,
          `--volume=${certFile}:/etc/calico/certs/cert.crt:ro`,
          `--volume=${keyFile}:/etc/calico/certs/key.pem:ro`,
        ],
      })
      const { machine } = host.host
      await machine.sh('mkdir -p /var/run/calico')
      const before = await stateOf(host)
      await machine.sh(
        `cp ${good.keyFile} /var/lib/other.key && chown 1000:1000 /var/lib/other.key && chmod 600 /var/lib/other.key`,
      )

      await t.test('a key that belongs to somebody else', async () =>
        refused(
          host,
          files(ca.caFile, { ...good, keyFile: '/var/lib/other.key' }),
          /key\.pem \(ETCD_KEY_FILE\): permission denied; it belongs to uid 1000, gid 1000 with mode 0600/,
        ),
      )
      const once: RunOptions['env'] = { WAIT_FOR_DATASTORE: 'false' }
      await t.test('a server that another CA has signed', async () => {
        const opts = files(strange.caFile, good)
        await refused(host, { ...opts, env: { ...opts.env, ...once } }, /\[ERROR\].*ca_cert\.crt \(ETCD_CA_CERT_FILE\)/)
      })
      await t.test("a stranger's certificate", async () => {
        const opts = files(ca.caFile, bad)
        await refused(host, { ...opts, env: { ...opts.env, ...once } }, /\[ERROR\].*cert\.crt \(ETCD_CERT_FILE\)/)
      })
      await t.test('an etcd that is not there', async () =>
        refused(
          host,
          { env: { ETCD_ENDPOINTS: `http://${UNDERLAY.ipv4}:9`, ...once } },
          /\[ERROR\].*http:\/\/172\.30\.0\.1:9: connection refused/,
        ),
      )
      assert.equal(await stateOf(host), before)
      assert.deepEqual(await etcd.keys('/calico/'), [])

      await t.test('an etcd that is not there yet is waited for', async () => {
        await etcd.stop()
        await host.launch(files(ca.caFile, good))
        await waitFor('it to say so', async () => (await host.log()).includes(`Waiting for etcd`), {
          deadlineMs: 20_000,
        })
        await etcd.start()
        await waitFor('the node to start', async () => (await host.log()).includes('started successfully'), {
          deadlineMs: 40_000,
        })
        await host.becomesHealthy()
      })
    })
  } finally {
    ca.remove()
    strange.remove()
  }
})
