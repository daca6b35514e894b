/** Commands that need neither a datastore nor rights. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { cli, type CliInput } from './harness.test.ts'

const ok = async (line: string | readonly string[], input: CliInput = {}): Promise<string> => {
  const { exit, stdout, stderr } = await cli(line, input)
  assert.deepEqual([exit, stderr], [0, ''], String(line))
  return stdout
}
const fails = async (line: string, message: RegExp): Promise<void> => {
  const { exit, stdout, stderr } = await cli(line)
  assert.deepEqual([exit, stdout], [1, ''], line)
  assert.match(stderr, message)
}

describe('explain', () => {
  test('lists the fields of a kind', async () => {
    const text = await ok('explain ippool')
    assert.match(text, /^KIND: +IPPool\nVERSION: +projectcalico\.org\/v3\nSCOPE: +cluster\n/)
    assert.match(text, /^ {2}spec$/m)
    assert.deepEqual(
      text.split('\n').filter((line) => line.length > 80),
      [],
    )
  })
  test('follows a path through objects and lists', async () => {
    assert.match(
      await ok('explain gnp.spec.ingress[0].action'),
      /FIELD: +spec\.ingress\.action\n +<Allow \| Deny \| Log \| Pass; required>/,
    )
    assert.match(await ok('explain node.spec.bgp'), /^ {2}asNumber$/m)
  })
  test('takes a field of the spec without saying so', async () => {
    assert.equal(await ok('explain ippool.cidr'), await ok('explain ippool.spec.cidr'))
    assert.equal(await ok('explain gnp.ingress.action'), await ok('explain gnp.spec.ingress.action'))
    assert.match(await ok('explain ippool.metadata.name'), /FIELD: +metadata\.name/)
    await fails('explain ippool.cdir', /IPPool has no field "cdir": did you mean "cidr"\?/)
  })
  test('names the nearest kind and field', async () => {
    await fails('explain ippol', /did you mean "ippool"\?/)
    await fails('explain ippool.spec.cdir', /IPPool\.spec has no field "cdir": did you mean "cidr"\?/)
  })
})

describe('datastore roles', () => {
  test('prints commands for a shell', async () => {
    const text = await ok('datastore roles confd')
    assert.match(text, /^etcdctl role add calico-confd\n/)
    assert.match(text, /^etcdctl role grant-permission calico-confd read --prefix=true \/calico\/ipam\/v2\/host\/$/m)
    assert.doesNotMatch(text, /readwrite|calico-felix/)
    assert.match(await ok('datastore roles'), /calico-felix[^]*calico-operator/)
  })
  test('names the components there are', () =>
    fails('datastore roles bird', /There is no component bird: want felix, confd, startup, cni, libnetwork, operator/))
})

describe('completion', () => {
  for (const shell of ['bash', 'zsh', 'fish'])
    test(`prints a script for ${shell}`, async () =>
      assert.match(await ok(`completion ${shell}`), /calicoctl completion/))
  test('refuses another shell', () => fails('completion tcsh', /No completion for shell "tcsh": want bash, zsh, fish/))
  const cases: [typed: string[], expected: string[]][] = [
    [['prof'], ['profile']],
    [
      ['container', ''],
      ['add', 'endpoint', 'ip', 'profile', 'remove', 'show'],
    ],
    [['get', 'ippo'], ['ippools']],
    [['node', 'bgp', 'peer', 's'], ['show']],
    [['get', 'nodes', '--al'], ['--all-namespaces']],
    [
      ['ipam', 'show', '--show-b'],
      ['--show-blocks', '--show-borrowed'],
    ],
    [['get', 'nodes', '-o', 'w'], ['wide']],
    [['get', '--output', 'c'], ['custom-columns=']],
    [['trace', 'a', 'b', '-o', ''], ['json']],
    [['get', 'nosuch', 'x'], []],
  ]
  for (const [typed, expected] of cases) {
    test(`completes ${JSON.stringify(typed.join(' '))}`, async () => {
      const output = await ok(['completion', 'bash', ...typed.map((word) => `--words=${word}`)])
      assert.deepEqual(
        output.split('\n').filter((line) => line !== ''),
        expected,
      )
    })
  }
})

describe('node run --dryrun', () => {
  const env = { ETCD_ENDPOINTS: 'https://e1:2379,https://e2:2379', ETCD_CA_CERT_FILE: '/tls/ca.crt' }
  const line = async (words: string, more: Readonly<Record<string, string>> = {}): Promise<string> =>
    (await ok(`node run --dryrun --name=host-a ${words}`, { env: { ...env, ...more } }))
      .split('\n')
      .find((text) => text.startsWith('docker run')) ?? ''
  const cases: [words: string, part: string, env?: Record<string, string>][] = [
    ['', '-e ETCD_ENDPOINTS=https://e1:2379,https://e2:2379'],
    ['', '-v /tls/ca.crt:/etc/calico/certs/ca_cert.crt'],
    ['--as=1.10', '-e AS=65546'],
    ['--ip6=autodetect', '-e IP6=autodetect'],
    ['--ip-autodetection-method=can-reach=9.9.9.9', '-e IP_AUTODETECTION_METHOD=can-reach=9.9.9.9'],
    ['', '-e CALICO_NETWORKING_BACKEND=bird'],
    ['', '-e CALICO_NETWORKING_BACKEND=none', { CALICO_NETWORKING: 'false' }],
    ['', '--cap-drop=ALL --cap-add=NET_ADMIN --cap-add=NET_RAW --cap-add=NET_BIND_SERVICE'],
    ['--privileged', '--net=host --privileged --name=calico-node'],
    ['--etcd-proxy', '-e ETCD_ENDPOINTS=http://127.0.0.1:23790 -e ETCD_DISCOVERY_SRV= --mount'],
    ['', '-e CALICO_ROUTER_ID=hash', { CALICO_ROUTER_ID: 'hash' }],
    ['', '-e ETCD_PASSWORD -', { ETCD_USERNAME: 'node', ETCD_PASSWORD: 'secret' }],
    ['--detach=false', '--name=calico-node --rm'],
    ['--log-dir=/logs', '-v /logs:/var/log/calico'],
    ['--felix-config=/f.cfg', '-v /f.cfg:/etc/calico/felix.cfg'],
    ['--node-image=my/node:1', ' my/node:1'],
    ['--no-default-ippools', '-e NO_DEFAULT_POOLS=true'],
    ['', '-e NO_DEFAULT_POOLS=true', { NO_DEFAULT_POOLS: 'true' }],
    ['--backend=vxlan', '-e CALICO_NETWORKING_BACKEND=vxlan'],
    ['--ip=10.0.0.1/24', '-e IP=10.0.0.1/24'],
    ['--ip6-autodetection-method=interface=eth.*,bond.*', "-e 'IP6_AUTODETECTION_METHOD=interface=eth.*,bond.*'"],
    ['--ip-autodetection-method=cidr=10.0.0.0/8', '-e IP_AUTODETECTION_METHOD=cidr=10.0.0.0/8'],
    ['--libnetwork', '-e CALICO_LIBNETWORK_ENABLED=true'],
    ['--docker-networking-ifprefix=eth', '-e CALICO_LIBNETWORK_ENABLED=true -e CALICO_LIBNETWORK_IFPREFIX=eth'],
    [
      '--use-docker-networking-container-labels',
      '-e CALICO_LIBNETWORK_CREATE_PROFILES=false -e CALICO_LIBNETWORK_LABEL_ENDPOINTS=true',
    ],
    ['--disable-docker-networking --no-pull --runtime=docker', '--name=calico-node -d --restart=always'],
    ['--init-system', '--name=calico-node --rm'],
    ['--etcd-proxy --etcd-image=etcd:1', '--name=calico-etcd-proxy --cap-drop=ALL'],
  ]
  for (const [words, part, more] of cases)
    test(`${words} ${JSON.stringify(more ?? {})}`, async () =>
      assert.ok((await line(words, more)).includes(part), await line(words, more)))
  test('does not mention the method that is the default', async () => {
    assert.doesNotMatch(await line('--ip-autodetection-method=first-found'), /AUTODETECTION/)
  })
  test('is what "calicoctl node" means', async () => {
    assert.match(
      await ok('node --dryrun --name=host-a --init-system'),
      /^Use the following command to start[\s\S]*docker stop calico-node\n$/,
    )
  })
  const bad: [words: string, message: RegExp][] = [
    ['--ip=10.0.0.300', /"10\.0\.0\.300" as IPv4 address/],
    ['--ip6=10.0.0.1', /as IPv6 address/],
    ['--as=x', /"x"/],
    ['--backend=gobgp', /Cannot use --backend "gobgp": want bird, vxlan, none/],
    ['--ip-autodetection-method=nearest', /want first-found, interface=REGEX/],
    ['--ip6-autodetection-method=can-reach=10.0.0.1', /10\.0\.0\.1 has no IPv6 address/],
    ['--ip-autodetection-method=cidr=fd00::/8', /is not an IPv4 network/],
    ['--docker-networking-ifprefix=a-b', /want 1 to 12 letters and digits/],
    ['--libnetwork --disable-docker-networking', /--libnetwork with --disable-docker-networking/],
    ['--ip-autodetection-method=interface=(', /detection method "interface=\("/],
    ['--name=under_score', /under_score/],
    ['--runtime=rkt', /Runtime "rkt" is not supported/],
  ]
  for (const [words, message] of bad) test(`refuses ${words}`, () => fails(`node run --dryrun ${words}`, message))
})

describe('connection settings', () => {
  const cases: [why: string, argv: string, env: Record<string, string>, message: RegExp][] = [
    ['a named file that is missing', 'get nodes -c /nonexistent.cfg', {}, /nonexistent\.cfg/],
    ['another datastore', 'get nodes', { DATASTORE_TYPE: 'kubernetes' }, /only etcdv3 is supported/],
    ['a bad endpoint', 'get nodes', { ETCD_ENDPOINTS: 'http://a b:x' }, /Cannot use etcd endpoint/],
  ]
  for (const [why, argv, env, message] of cases) {
    test(`refuses ${why}`, async () => {
      const { exit, stderr } = await cli(argv, { env })
      assert.equal(exit, 1)
      assert.match(stderr, message)
    })
  }
})
