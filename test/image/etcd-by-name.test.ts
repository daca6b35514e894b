// etcd by its name: the container resolves as its host does.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withContainerHosts } from './with-docker.ts'

test('etcd by name', async (t) => {
  await withContainerHosts(['host1'], async ([node], lab) => {
    assert.ok(node !== undefined)
    const { machine } = node.host
    const { hostname: address, port } = new URL(lab.etcd.endpoint)
    await machine.sh('rm -f /etc/resolv.conf && echo nameserver 127.0.0.1 >/etc/resolv.conf')

    await t.test('a name that nobody knows is one line that names it', async () => {
      const env = { ETCD_ENDPOINTS: 'http://etcd.example.org:2379', WAIT_FOR_DATASTORE: 'false' }
      const { exitCode, lines } = await node.runToEnd({ env })
      assert.equal(exitCode, 1, lines.join('\n'))
      const errors = lines.filter((line) => line.includes('[ERROR]'))
      assert.equal(errors.length, 1, lines.join('\n'))
      assert.match(errors[0] ?? '', /http:\/\/etcd\.example\.org:2379.* name/)
    })
    await t.test('a name of /etc/hosts', async () => {
      await machine.sh(`echo '${address} etcd.example.org' >>/etc/hosts`)
      await node.run({ env: { ETCD_ENDPOINTS: `http://etcd.example.org:${port}` } })
      await node.becomesHealthy()
      await node.remove()
    })
    await t.test('the SRV record of a domain', async () => {
      const records = `--address=/etcd-1.example.net/${address} --srv-host=_etcd-client._tcp.example.net,etcd-1.example.net,${port}`
      machine.spawn(['dnsmasq', '--keep-in-foreground', '--no-resolv', '--no-hosts', ...records.split(' ')], 'dns.log')
      await node.run({ env: { ETCD_ENDPOINTS: '', ETCD_DISCOVERY_SRV: 'example.net' } })
      await node.becomesHealthy()
    })
  })
})
