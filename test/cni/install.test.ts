// The installer on real files: programs that run, configuration and credentials that follow their sources, and clean ends.
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, beforeEach, test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { run } from '@calico-node/linux'
import { requireOwnNamespace } from '@calico-node/testkit'
import { NODE, NOTHING_LEFT, Runtime } from './runtime.ts'

requireOwnNamespace()

const INSTALLER = resolve(import.meta.dirname, '../../bin/install-cni')
const TEMPLATE = JSON.stringify({
  name: 'net1',
  cniVersion: '1.0.0',
  plugins: [
    {
      type: 'calico',
      nodename: '__KUBERNETES_NODE_NAME__',
      etcd_endpoints: '__ETCD_ENDPOINTS__',
      etcd_ca_cert_file: '__ETCD_CA_CERT_FILE__',
      ipam: { type: 'calico-ipam' },
      kubernetes: { kubeconfig: '__KUBECONFIG_FILEPATH__' },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
})

let dir: string
const at = (...names: string[]): string => join(dir, ...names)
const read = (...names: string[]): string => readFileSync(at(...names), 'utf8')
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'install-cni-'))
})
after(() => rmSync(dir, { recursive: true }))
beforeEach(() => {
  for (const name of readdirSync(dir)) if (name !== 'bin') rmSync(at(name), { recursive: true })
  mkdirSync(at('account'))
  mkdirSync(at('secrets'))
  writeFileSync(at('account/ca.crt'), 'CA')
  writeFileSync(at('account/token'), 'token-1')
})

type Env = Readonly<Record<string, string>>

function start(
  env: Env,
): ChildProcess & { readonly ended: Promise<{ status: number | null; stdout: string; stderr: string }> } {
  const child = spawn(INSTALLER, [], {
    env: {
      PATH: process.env['PATH'],
      CALICO_CNI_NET_MOUNT: at('net.d'),
      CALICO_CNI_BIN_MOUNT: at('bin'),
      CALICO_CNI_SECRETS_DIR: at('secrets'),
      CALICO_CNI_SERVICEACCOUNT_DIR: at('account'),
      CALICO_CNI_REFRESH_SECONDS: '0.1',
      KUBERNETES_SERVICE_HOST: '10.96.0.1',
      CNI_NETWORK_CONFIG: TEMPLATE,
      ETCD_ENDPOINTS: 'http://127.0.0.1:2379',
      NODENAME: NODE,
      ...env,
    },
  })
  const ended = Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((done) => child.on('close', done)),
  ]).then(([stdout, stderr, status]) => ({ stdout, stderr, status }))
  return Object.assign(child, { ended })
}

const once = (env: Env = {}): ReturnType<typeof start>['ended'] => start({ SLEEP: 'false', ...env }).ended
const token = (): string => JSON.parse(read('net.d/calico-kubeconfig')).users[0].user.token
const mode = (name: string): string => (statSync(at(name)).mode & 0o777).toString(8)

test('installs once: programs, credentials, configuration, for root only', async () => {
  writeFileSync(at('secrets/etcd-ca'), 'ETCD CA')
  mkdirSync(at('net.d'))
  writeFileSync(at('net.d/10-old.conf'), '{}')
  const { status, stderr } = await once({ CNI_OLD_CONF_NAME: '10-old.conf' })
  assert.deepEqual([status, stderr], [0, ''])
  assert.deepEqual(readdirSync(at('net.d')).toSorted(), ['10-calico.conflist', 'calico-kubeconfig', 'calico-tls'])
  const [calico] = JSON.parse(read('net.d/10-calico.conflist')).plugins
  assert.deepEqual(calico, {
    type: 'calico',
    nodename: NODE,
    etcd_endpoints: 'http://127.0.0.1:2379',
    etcd_ca_cert_file: '/etc/cni/net.d/calico-tls/etcd-ca',
    ipam: { type: 'calico-ipam' },
    kubernetes: { kubeconfig: '/etc/cni/net.d/calico-kubeconfig' },
  })
  assert.equal(read('net.d/calico-tls/etcd-ca'), 'ETCD CA')
  assert.equal(token(), 'token-1')
  for (const name of ['10-calico.conflist', 'calico-kubeconfig', 'calico-tls/etcd-ca'])
    assert.equal(mode(`net.d/${name}`), '600', name)
  assert.match(await run(at('bin/calico'), ['-v']), /^\d+\.\d+\.\d+/)
})

test('what was installed connects a container', async () => {
  const runtime = await Runtime.start()
  try {
    const { status, stderr } = await once({ ETCD_ENDPOINTS: runtime.etcd.urls.join() })
    assert.equal(status, 0, stderr)
    await runtime.addNetns('c1')
    const { plugins, ...list } = JSON.parse(read('net.d/10-calico.conflist'))
    const call = { stdin: JSON.stringify({ ...list, ...plugins[0] }), bin: at('bin') }
    assert.equal((await runtime.must('ADD', call))['ips'].length, 1)
    await runtime.must('DEL', call)
    assert.deepEqual(await runtime.leftovers(), NOTHING_LEFT)
  } finally {
    await runtime.stop()
  }
})

test('leaves alone what is as it should be, and makes room when the programs change', async () => {
  await once()
  const [folder, target] = [
    readdirSync(at('bin')).find((name) => name.startsWith('.calico-cni-')),
    readlinkSync(at('bin/calico')),
  ]
  const written = statSync(at('net.d/10-calico.conflist')).mtimeMs
  await once()
  assert.equal(readlinkSync(at('bin/calico')), target)
  assert.equal(statSync(at('net.d/10-calico.conflist')).mtimeMs, written)
  // Two earlier versions: the one in use stays for plugins that still run, the other goes.
  for (const name of ['.calico-cni-older', '.calico-cni-old']) mkdirSync(at('bin', name))
  rmSync(at('bin/calico'))
  symlinkSync('.calico-cni-old/bin/calico', at('bin/calico'))
  await once()
  assert.deepEqual(new Set(readdirSync(at('bin'))), new Set(['.calico-cni-old', folder, 'calico', 'calico-ipam']))
  assert.equal(readlinkSync(at('bin/calico')), target)
})

test('takes the place of a program of somebody else only where it may', async () => {
  rmSync(at('bin/calico'), { force: true })
  mkdirSync(at('bin'), { recursive: true })
  writeFileSync(at('bin/calico'), 'theirs')
  rmSync(at('bin/calico-ipam'), { force: true })
  await once({ UPDATE_CNI_BINARIES: 'false', SKIP_CNI_BINARIES: 'calico-ipam' })
  assert.equal(read('bin/calico'), 'theirs')
  assert.ok(!readdirSync(at('bin')).includes('calico-ipam'))
  await once()
  assert.match(readlinkSync(at('bin/calico')), /^\.calico-cni-.*\/bin\/calico$/)
})

test('follows tokens and certificates, puts back what is gone, and ends cleanly', async () => {
  writeFileSync(at('secrets/etcd-ca'), 'first')
  const installer = start({})
  try {
    await waitFor('the configuration', () => read('net.d/10-calico.conflist') !== '')
    // As the kubelet does it: the folder is exchanged below a link.
    mkdirSync(at('account-2'))
    writeFileSync(at('account-2/ca.crt'), 'CA')
    writeFileSync(at('account-2/token'), 'token-2')
    renameSync(at('account'), at('account-1'))
    symlinkSync(at('account-2'), at('account'))
    await waitFor('the new token', () => token() === 'token-2')
    writeFileSync(at('secrets/etcd-ca'), 'second')
    await waitFor('the new certificate', () => read('net.d/calico-tls/etcd-ca') === 'second')
    rmSync(at('net.d/10-calico.conflist'))
    await waitFor('the configuration to come back', () => read('net.d/10-calico.conflist') !== '')

    writeFileSync(at('account/token'), '')
    let output = ''
    installer.stdout?.on('data', (chunk) => (output += String(chunk)))
    await waitFor('the installer to say that the token is empty', () => /account\/token is empty/.test(output))
    assert.equal(token(), 'token-2')
    writeFileSync(at('account/token'), 'token-3')
    await waitFor('the third token', () => token() === 'token-3')
  } finally {
    installer.kill('SIGTERM')
  }
  const { status, stderr } = await installer.ended
  assert.deepEqual([status, stderr], [0, ''])
  assert.ok(readdirSync(at('net.d')).includes('10-calico.conflist'))
})

const refused: [what: string, env: () => Env, message: RegExp][] = [
  ['a template that is no JSON', () => ({ CNI_NETWORK_CONFIG: '{' }), /Cannot use the template in CNI_NETWORK_CONFIG/],
  [
    'a file that is not there',
    () => ({ CNI_NETWORK_CONFIG_FILE: at('nothing') }),
    /CNI_NETWORK_CONFIG_FILE: .* does not exist/,
  ],
  ['a certificate that is not there', () => ({ ETCD_CERT_FILE: at('nothing') }), /ETCD_CERT_FILE: .* does not exist/],
  ['a kubeconfig without a token', () => ({ KUBERNETES_SERVICE_HOST: '' }), /Cannot write a kubeconfig/],
  ['a name with folders', () => ({ CNI_CONF_NAME: '../x' }), /CNI_CONF_NAME: want the name of a file/],
  ['several wrong variables', () => ({ CNI_MTU: 'big', SLEEP: 'maybe' }), /SLEEP: .*CNI_MTU: /],
]
for (const [what, env, message] of refused) {
  test(`refuses ${what} in one line and changes nothing`, async () => {
    const { status, stderr } = await once(env())
    assert.equal(status, 1)
    assert.match(stderr, message)
    assert.match(stderr, /^install-cni: [^\n]*\n$/)
    assert.ok(!readdirSync(dir).includes('net.d'))
  })
}

test('a folder that cannot be written is named', async () => {
  writeFileSync(at('file'), '')
  const { status, stderr } = await once({ CALICO_CNI_BIN_MOUNT: at('file/bin') })
  assert.equal(status, 1)
  assert.match(stderr, /^install-cni: Cannot install the programs in .*\/file\/bin: [^\n]*\n$/)
})
