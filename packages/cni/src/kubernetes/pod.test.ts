import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { podDataOf } from './pod.ts'

const annotated = (annotations: Record<string, string>): object => ({
  metadata: {
    annotations: Object.fromEntries(Object.entries(annotations).map(([k, v]) => [`cni.projectcalico.org/${k}`, v])),
  },
})

describe('podDataOf()', () => {
  test('labels, service account and ports', () => {
    const pod = {
      metadata: { labels: { app: 'cart', 'no good': 'x' } },
      spec: {
        serviceAccountName: 'carter',
        containers: [
          { ports: [{ name: 'http', containerPort: 8080 }, { containerPort: 9 }] },
          { ports: [{ containerPort: 53, protocol: 'UDP', hostPort: 5353, hostIP: '10.0.0.1' }] },
          {},
        ],
      },
    }
    const { labels, namespaceLabels, serviceAccount, ports } = podDataOf(pod, { metadata: { labels: { team: 'red' } } })
    assert.deepEqual([labels, namespaceLabels, serviceAccount], [{ app: 'cart' }, { team: 'red' }, 'carter'])
    assert.deepEqual(ports, [
      { name: 'http', protocol: 'TCP', port: 8080, hostPort: 0, hostIP: '' },
      { protocol: 'UDP', port: 53, hostPort: 5353, hostIP: '10.0.0.1' },
    ])
  })

  test("the pod's annotations go before its namespace's", () => {
    const { wishes } = podDataOf(
      annotated({ ipv4pools: '["a"]', hwAddr: '02:00:00:00:00:01', ipFamilies: '["IPv6"]' }),
      annotated({ ipv4pools: '["b"]', ipv6pools: '["c"]' }),
    )
    const { ipv4Pools, ipv6Pools, mac, families, ips } = wishes
    assert.deepEqual(
      [ipv4Pools, ipv6Pools, mac, families, ips],
      [['a'], ['c'], '02:00:00:00:00:01', ['IPv6'], undefined],
    )
  })

  const refused: [name: string, text: string][] = [
    ['ipv4pools', 'a'],
    ['ipAddrs', '"10.0.0.1"'],
    ['ipAddrs', '["10.0.0.999"]'],
    ['ipFamilies', '["IPX"]'],
    ['hwAddr', 'red'],
    ['floatingIPs', '[1]'],
    ['allowedSourcePrefixes', '["here"]'],
  ]
  for (const [name, text] of refused) {
    test(`refuses ${name}: ${text}`, () =>
      assert.throws(() => podDataOf(annotated({ [name]: text }), {}), {
        code: 7,
        message: new RegExp(`annotation cni.projectcalico.org/${name}: want .* it is `),
      }))
  }
})
