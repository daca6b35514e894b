import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { dockerRunWords, type NodeContainer, shellLine } from './node-container.ts'

const BASE: NodeContainer = {
  image: 'calico/node:latest',
  nodeName: 'host-a',
  backend: 'none',
  ip: '10.20.0.1',
  noDefaultPools: true,
  logDirectory: '/var/log/calico',
  etcd: { endpoints: 'http://127.0.0.1:23790', discoverySrv: '' },
  initSystem: false,
  privileged: false,
  variables: {},
  folders: [],
}
const has = (node: Partial<NodeContainer>, ...parts: string[]): void => {
  const line = shellLine(['docker', ...dockerRunWords({ ...BASE, ...node })])
  for (const part of parts) assert.ok(line.includes(part), `${part} in ${line}`)
}

describe('dockerRunWords()', () => {
  test('with --privileged is the line that tools around Calico cut at the first -e', () => {
    assert.equal(
      shellLine(['docker', ...dockerRunWords({ ...BASE, privileged: true })]),
      'docker run --net=host --privileged --name=calico-node -d --restart=always -e NODENAME=host-a ' +
        '-e CALICO_NETWORKING_BACKEND=none -e CALICO_MANAGE_CNI=false -e NO_DEFAULT_POOLS=true -e IP=10.20.0.1 -e ETCD_ENDPOINTS=http://127.0.0.1:23790 ' +
        '-e ETCD_DISCOVERY_SRV= -v /var/log/calico:/var/log/calico -v /var/run/calico:/var/run/calico ' +
        '-v /var/lib/calico:/var/lib/calico -v /lib/modules:/lib/modules -v /run:/run calico/node:latest',
    )
  })
  test('stays attached for an init system', () => has({ initSystem: true }, '--name=calico-node --rm -e'))
  test('gives no more rights than are needed', () => {
    const rights = (node: Partial<NodeContainer>): string[] =>
      dockerRunWords({ ...BASE, ...node }).filter((word) => /^--(cap|privileged|security|read-only|tmpfs)/.test(word))
    const least = ['--cap-drop=ALL', '--cap-add=NET_ADMIN', '--cap-add=NET_RAW']
    const locked = ['--security-opt=no-new-privileges', '--read-only', '--tmpfs=/run']
    assert.deepEqual(rights({}), [...least, ...locked])
    assert.deepEqual(rights({ backend: 'bird' }), [...least, '--cap-add=NET_BIND_SERVICE', ...locked])
    assert.deepEqual(rights({ privileged: true }), ['--privileged'])
    has({}, '-v /proc/sys/net:/host/proc/sys/net', '--mount=type=bind,src=/run/xtables.lock,dst=/run/xtables.lock')
    assert.ok(!dockerRunWords(BASE).includes('/run:/run'))
  })
  test('hands certificates over under fixed paths', () =>
    has(
      { etcd: { ...BASE.etcd, caFile: '/tls/ca', certFile: '/tls/c', keyFile: '/tls/k' } },
      '-e ETCD_CA_CERT_FILE=/etc/calico/certs/ca_cert.crt',
      '-v /tls/k:/etc/calico/certs/key.pem',
    ))
  test('passes addresses, AS number and methods', () =>
    has(
      { ip6: 'fd00::1', asNumber: '65010', ipMethod: 'can-reach=9.9.9.9' },
      '-e IP6=fd00::1 -e AS=65010 -e IP_AUTODETECTION_METHOD=can-reach=9.9.9.9',
    ))
  test('passes variables, and folders read-only', () =>
    has(
      { variables: { CALICO_ROUTER_ID: 'hash' }, folders: ['/etc/calico/secrets'] },
      '-e CALICO_ROUTER_ID=hash',
      '-v /etc/calico/secrets:/etc/calico/secrets:ro',
    ))
  test('keeps the password of etcd off the command line', () =>
    has({ etcd: { ...BASE.etcd, username: 'node' } }, '-e ETCD_USERNAME=node', '-e ETCD_PASSWORD -'))
  test('connects the Docker plugin', () =>
    has(
      { dockerNetworks: { containerLabels: true, ifPrefix: 'eth' } },
      '-e CALICO_LIBNETWORK_ENABLED=true -e CALICO_LIBNETWORK_IFPREFIX=eth -e CALICO_LIBNETWORK_CREATE_PROFILES=false',
      '-v /run/docker/plugins:/run/docker/plugins -v /var/run/docker.sock:/var/run/docker.sock',
    ))
  test('an option wins over the same variable', () => {
    const words = dockerRunWords({ ...BASE, ipMethod: 'can-reach=a', variables: { IP_AUTODETECTION_METHOD: 'cidr=b' } })
    assert.deepEqual(
      words.filter((word) => word.startsWith('IP_AUTO')),
      ['IP_AUTODETECTION_METHOD=can-reach=a'],
    )
  })
  test('quotes for a shell', () => assert.equal(shellLine(['a b', "it's"]), "'a b' 'it'\\''s'"))
})
