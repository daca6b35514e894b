import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { parseConnection, type ConnectionSettings } from './settings.ts'

const dir = mkdtempSync(join(tmpdir(), 'settings-'))
after(() => rmSync(dir, { recursive: true }))
let files = 0
function configFile(spec: Record<string, unknown>, head: Record<string, unknown> = {}): string {
  const path = join(dir, `calicoctl-${++files}.cfg`)
  const document = { apiVersion: 'projectcalico.org/v3', kind: 'CalicoAPIConfig', metadata: {}, spec, ...head }
  writeFileSync(path, JSON.stringify(document))
  return path
}

describe('parseConnection() from the environment', () => {
  const accepted: [why: string, settings: ConnectionSettings, expected: object][] = [
    ['falls back to a local etcd', { env: {} }, { endpoints: ['http://127.0.0.1:2379'] }],
    [
      'takes plain names',
      { env: { ETCD_ENDPOINTS: 'http://a:1,http://b:2' } },
      { endpoints: ['http://a:1', 'http://b:2'] },
    ],
    [
      'prefers the CALICO_ prefix, name by name',
      {
        env: {
          CALICO_ETCD_ENDPOINTS: 'http://c:1',
          ETCD_ENDPOINTS: 'http://a:1',
          ETCD_USERNAME: 'u',
          CALICO_ETCD_PASSWORD: 'p',
        },
      },
      { endpoints: ['http://c:1'], username: 'u', password: 'p' },
    ],
    [
      'takes an empty value for none',
      { env: { CALICO_ETCD_ENDPOINTS: '', ETCD_ENDPOINTS: 'http://a:1' } },
      { endpoints: ['http://a:1'] },
    ],
    [
      'understands the old authority',
      { env: { ETCD_AUTHORITY: 'a:4001', ETCD_SCHEME: 'https' } },
      { endpoints: ['https://a:4001'] },
    ],
    [
      'finds endpoints by SRV',
      { env: { ETCD_DISCOVERY_SRV: 'example.org' } },
      { endpoints: [], discoverySrv: 'example.org' },
    ],
    [
      'ignores the names of Felix',
      { env: { FELIX_ETCDENDPOINTS: 'http://f:1' } },
      { endpoints: ['http://127.0.0.1:2379'] },
    ],
    [
      'lets Felix use its own names, in any case',
      { env: { Felix_EtcdEndpoints: 'http://f:1', ETCD_ENDPOINTS: 'http://a:1' }, felix: true },
      { endpoints: ['http://f:1'] },
    ],
    [
      'assumes TLS where there are certificates',
      { env: { ETCD_ENDPOINTS: 'a', ETCD_CA_CERT_FILE: '/ca', ETCD_CERT_FILE: '/c', ETCD_KEY_FILE: '/k' } },
      {
        endpoints: ['https://a:2379'],
        tls: {
          ca: { kind: 'file', path: '/ca', setting: 'ETCD_CA_CERT_FILE' },
          cert: { kind: 'file', path: '/c', setting: 'ETCD_CERT_FILE' },
          key: { kind: 'file', path: '/k', setting: 'ETCD_KEY_FILE' },
        },
      },
    ],
  ]
  for (const [why, settings, expected] of accepted) {
    test(why, () => assert.deepEqual(parseConnection(settings), expected))
  }

  test('takes user and password from files', () => {
    const [user, password] = [join(dir, 'user'), join(dir, 'password')]
    writeFileSync(user, 'felix\n')
    writeFileSync(password, ' p w \r\n')
    const env = { ETCD_USERNAME_FILE: user, CALICO_ETCD_PASSWORD_FILE: password }
    const { username, password: secret } = parseConnection({ env })
    assert.deepEqual([username, secret], ['felix', ' p w '])
  })

  const rejected: [env: Record<string, string>, code: string, message: RegExp][] = [
    [
      { ETCD_USERNAME: 'u', ETCD_PASSWORD_FILE: '/nowhere' },
      'INVALID',
      /^Cannot read \/nowhere \(ETCD_PASSWORD_FILE\): ENOENT/,
    ],
    [
      { ETCD_USERNAME: 'u', ETCD_PASSWORD: 'p', ETCD_PASSWORD_FILE: '/f' },
      'INVALID',
      /ETCD_PASSWORD and ETCD_PASSWORD_FILE: give one/,
    ],
    [{ DATASTORE_TYPE: 'kubernetes' }, 'UNSUPPORTED', /"kubernetes" \(DATASTORE_TYPE\)/],
    [
      { ETCD_ENDPOINTS: 'http://a', ETCD_DISCOVERY_SRV: 'b' },
      'INVALID',
      /ETCD_ENDPOINTS and ETCD_DISCOVERY_SRV: give one/,
    ],
    [{ ETCD_ENDPOINTS: 'http://a,https://b' }, 'INVALID', /cannot be mixed/],
    [{ ETCD_ENDPOINTS: ' , ' }, 'INVALID', /ETCD_ENDPOINTS: no endpoint/],
    [{ ETCD_CERT_FILE: '/c' }, 'INVALID', /ETCD_CERT_FILE: client certificate and key come together/],
    [{ ETCD_PASSWORD: 'p' }, 'INVALID', /ETCD_PASSWORD: there is no user name/],
  ]
  for (const [env, code, message] of rejected) {
    test(`refuses ${JSON.stringify(env)}`, () => assert.throws(() => parseConnection({ env }), { code, message }))
  }
})

describe('parseConnection() from a file', () => {
  const env = { ETCD_ENDPOINTS: 'http://from-environment:1', ETCD_USERNAME: 'u', ETCD_PASSWORD: 'p' }

  test('does not look at the environment', () => {
    const path = configFile({ datastoreType: 'etcdv3', etcdEndpoints: 'http://a:1', kubeconfig: '/unused' })
    assert.deepEqual(parseConnection({ env, configFile: path }), { endpoints: ['http://a:1'] })
  })
  test('takes YAML, and PEM within', () => {
    const path = join(dir, 'inline.cfg')
    const lines = [
      'apiVersion: projectcalico.org/v3',
      'kind: CalicoAPIConfig',
      'metadata:',
      'spec:',
      '  etcdCACert: |',
      '    PEM',
      '    TEXT',
    ]
    writeFileSync(path, `${lines.join('\n')}\n`)
    const ca = { kind: 'inline', pem: 'PEM\nTEXT\n', setting: `spec.etcdCACert of ${path}` }
    assert.deepEqual(parseConnection({ env: {}, configFile: path }), {
      endpoints: ['https://127.0.0.1:2379'],
      tls: { ca },
    })
  })
  test('may be missing at the default place only', () => {
    assert.throws(() => parseConnection({ env, configFile: join(dir, 'missing') }), {
      code: 'INVALID',
      message: /missing/,
    })
  })

  const rejected: [spec: Record<string, unknown>, head: Record<string, unknown>, message: RegExp][] = [
    [{ etcdEndpoint: 'x' }, {}, /unknown field "spec.etcdEndpoint"/],
    [{ authority: 'x' }, {}, /unknown field "spec.authority"/],
    [{}, { etcdEndpoints: 'x' }, /unknown field "etcdEndpoints"/],
    [{}, { apiVersion: 'v1' }, /apiVersion must be projectcalico.org\/v3/],
    [{}, { kind: 'Config' }, /kind must be CalicoAPIConfig/],
    [{}, { spec: [] }, /spec is not an object/],
    [{ etcdEndpoints: 5 }, {}, /spec.etcdEndpoints must be text/],
    [{ etcdCACert: 'PEM', etcdKeyFile: '/k', etcdCertFile: '/c' }, {}, /inline PEM and files cannot be mixed/],
  ]
  for (const [spec, head, message] of rejected) {
    test(`refuses ${JSON.stringify({ spec, ...head })}`, () => {
      assert.throws(() => parseConnection({ env: {}, configFile: configFile(spec, head) }), {
        code: 'INVALID',
        message,
      })
    })
  }
})
