import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { renderKubeconfig, serverUrl } from './kubeconfig.ts'
import { renderNetworkConfig } from './template.ts'

const VALUES = { ETCD_ENDPOINTS: 'http://127.0.0.1:2379', CNI_MTU: '1400', LOG_LEVEL: 'info' }
const render = (template: string, values: Readonly<Record<string, string>> = VALUES): string =>
  renderNetworkConfig(template, values, 'CNI_NETWORK_CONFIG')

describe('renderNetworkConfig()', () => {
  test('fills placeholders in, inside and outside of strings', () => {
    const text = render(
      '{"name":"n","plugins":[{"type":"calico","mtu":__CNI_MTU__,"etcd_endpoints":"__ETCD_ENDPOINTS__"}]}',
    )
    assert.deepEqual(JSON.parse(text), {
      name: 'n',
      plugins: [{ type: 'calico', mtu: 1400, etcd_endpoints: 'http://127.0.0.1:2379' }],
    })
    assert.match(text, /\}\n$/)
  })

  test('takes a configuration of one plugin', () => {
    assert.equal(render('{"name":"n","type":"calico"}\n'), '{"name":"n","type":"calico"}\n')
  })

  test('a value cannot say more than a value', () => {
    const text = render('{"name":"n","type":"calico","log_level":"__LOG_LEVEL__"}', { LOG_LEVEL: 'x","mtu":"9\\' })
    assert.deepEqual(JSON.parse(text), { name: 'n', type: 'calico', log_level: 'x","mtu":"9\\' })
  })

  const refused: [why: string, template: string, message: RegExp][] = [
    [
      'an unknown placeholder',
      '{"name":"__CLUSTER__"}',
      /__CLUSTER__ is not known; these are: ETCD_ENDPOINTS, CNI_MTU/,
    ],
    ['no JSON', '{"name":', /CNI_NETWORK_CONFIG: it is not a JSON object/],
    ['a list', '[]', /it is not a JSON object/],
    ['no name', '{"plugins":[]}', /it has no "name"/],
    ['a plugin without a type', '{"name":"n","plugins":[{}]}', /a plugin has no "type"/],
    ['a field of ours that is wrong', '{"name":"n","type":"calico","mtu":"big"}', /mtu: /],
  ]
  for (const [why, template, message] of refused) {
    test(`refuses ${why}`, () => assert.throws(() => render(template), { message }))
  }
})

describe('renderKubeconfig()', () => {
  const clusterOf = (text: string): unknown => JSON.parse(text).clusters[0].cluster

  test('trusts the CA that is given', () => {
    const text = renderKubeconfig({ server: 'https://10.96.0.1:443', token: 'secret', caCert: 'PEM' })
    assert.deepEqual(clusterOf(text), { server: 'https://10.96.0.1:443', 'certificate-authority-data': 'UEVN' })
    assert.deepEqual(JSON.parse(text).users, [{ name: 'calico', user: { token: 'secret' } }])
  })

  test('trusts anything without one', () => {
    const text = renderKubeconfig({ server: 'https://10.96.0.1:443', token: 'secret' })
    assert.deepEqual(clusterOf(text), { server: 'https://10.96.0.1:443', 'insecure-skip-tls-verify': true })
  })

  const urls: [host: string, url: string][] = [
    ['10.96.0.1', 'https://10.96.0.1:6443'],
    ['fd00::1', 'https://[fd00::1]:6443'],
    ['[fd00::1]', 'https://[fd00::1]:6443'],
    ['api.example.org', 'https://api.example.org:6443'],
  ]
  for (const [host, url] of urls) test(`serverUrl(${host})`, () => assert.equal(serverUrl('https', host, 6443), url))
})
