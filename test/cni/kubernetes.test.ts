// Pods: what the API server says of a pod reaches its endpoint. The server is a real HTTPS server that speaks the few reads
// that the plugin makes; there is no kubelet here.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { findLink } from '@calico-node/linux'
import { makeResource } from '@calico-node/model'
import { requireOwnNamespace, TestCa } from '@calico-node/testkit'
import { NOTHING_LEFT, Runtime, type Call, type Json } from './runtime.ts'

requireOwnNamespace()

const TOKEN = 'a-token'
const POD = '/api/v1/namespaces/shop/pods/cart-0'
const NAMESPACE = '/api/v1/namespaces/shop'

let runtime: Runtime
let ca: TestCa
let server: Server
let port: number
const objects = new Map<string, Json>()

before(async () => {
  runtime = await Runtime.start()
  ca = await TestCa.create()
  const { certFile, keyFile } = await ca.issue('api')
  server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, (request, response) => {
    const found = objects.get(request.url ?? '')
    const known = request.headers.authorization === `Bearer ${TOKEN}`
    response.statusCode = known ? (found?.['status'] ?? (found === undefined ? 404 : 200)) : 401
    response.end(JSON.stringify(found ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  port = typeof address === 'object' && address !== null ? address.port : 0
})
after(async () => {
  server.close()
  await runtime.stop()
})
beforeEach(async () => {
  await runtime.reset()
  await runtime.addNetns('c1')
  objects.clear()
  objects.set(NAMESPACE, { metadata: { labels: { team: 'red' } } })
  objects.set(POD, pod({}))
})

const pod = (annotations: Record<string, string>, spec: Json = {}): Json => ({
  metadata: {
    labels: { app: 'cart' },
    annotations: Object.fromEntries(
      Object.entries(annotations).map(([name, value]) => [`cni.projectcalico.org/${name}`, value]),
    ),
  },
  spec: { serviceAccountName: 'carter', ...spec },
})

/** A kubeconfig as `install-cni` or an administrator writes it. */
function kubeconfig(token = TOKEN): string {
  const path = join(runtime.dir, `kubeconfig-${token}`)
  writeFileSync(
    path,
    `
apiVersion: v1
kind: Config
clusters: [{ name: local, cluster: { server: "https://127.0.0.1:${port}", certificate-authority: "${ca.caFile}" } }]
users: [{ name: calico, user: { token: "${token}" } }]
contexts: [{ name: here, context: { cluster: local, user: calico } }]
current-context: here
`,
  )
  return path
}

const call = (conf: Json = {}): Call => ({
  args: 'IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=cart-0',
  conf: { policy: { type: 'k8s' }, kubernetes: { kubeconfig: kubeconfig() }, ...conf },
})

describe('a pod', () => {
  test('has its labels, named ports, service account and profiles', async () => {
    const ports = [{ name: 'http', containerPort: 8080 }, { containerPort: 9090 }]
    objects.set(POD, pod({}, { containers: [{ ports }] }))
    await runtime.must('ADD', call())
    const [endpoint] = await runtime.endpoints()
    assert.deepEqual(endpoint?.metadata.labels, {
      app: 'cart',
      'projectcalico.org/namespace': 'shop',
      'projectcalico.org/orchestrator': 'k8s',
      'projectcalico.org/serviceaccount': 'carter',
    })
    assert.partialDeepStrictEqual(endpoint?.spec, {
      serviceAccountName: 'carter',
      profiles: ['kns.shop', 'ksa.shop.carter'],
      ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
    })
  })

  test('gets the pool, the MAC and the prefixes that annotations name', async () => {
    const extra = makeResource('IPPool', { name: 'extra' }, { cidr: '10.77.0.0/24' })
    await runtime.client.resources('IPPool').create(extra)
    objects.set(
      POD,
      pod({ ipv4pools: '["extra"]', hwAddr: '02:00:00:00:00:09', allowedSourcePrefixes: '["192.0.2.0/24"]' }),
    )
    const { ips } = await runtime.must('ADD', call())
    assert.match(ips[0].address, /^10\.77\.0\./)
    assert.equal((await findLink('eth0', { netns: { path: '/run/netns/c1' } }))?.mac, '02:00:00:00:00:09')
    assert.deepEqual((await runtime.endpoints())[0]?.spec.allowSpoofedSourcePrefixes, ['192.0.2.0/24'])
    await runtime.must('DEL', call())
    assert.deepEqual(await runtime.leftovers(), NOTHING_LEFT)
  })

  test('draws from the pools that select its namespace', async () => {
    const pool = { cidr: '10.78.0.0/24', namespaceSelector: "team == 'red'" }
    await runtime.client.resources('IPPool').delete('four')
    await runtime.client.resources('IPPool').create(makeResource('IPPool', { name: 'reds' }, pool))
    assert.match((await runtime.must('ADD', call()))['ips'][0].address, /^10\.78\.0\./)
    await runtime.must('DEL', call())
    objects.set(NAMESPACE, { metadata: { labels: { team: 'blue' } } })
    assert.equal((await runtime.call('ADD', call())).status, 1)
  })

  test('gets both families, or fixed addresses, where annotations say so', async () => {
    objects.set(POD, pod({ ipFamilies: '["IPv4","IPv6"]' }))
    assert.equal((await runtime.must('ADD', call()))['ips'].length, 2)
    await runtime.must('DEL', call())
    objects.set(POD, pod({ ipAddrs: '["10.65.0.99"]' }))
    assert.equal((await runtime.must('ADD', call()))['ips'][0].address, '10.65.0.99/32')
  })

  test('gets floating addresses and addresses outside IPAM only where the features are on', async () => {
    objects.set(POD, pod({ floatingIPs: '["203.0.113.7"]', ipAddrsNoIpam: '["198.51.100.7"]' }))
    const refused = await runtime.call('ADD', call())
    assert.deepEqual([refused.json['code'], /needs feature_control/.test(refused.json['msg'])], [7, true])
    const features = { feature_control: { floating_ips: true, ip_addrs_no_ipam: true } }
    await runtime.must('ADD', call(features))
    assert.deepEqual((await runtime.endpoints())[0]?.spec.ipNATs, [
      { internalIP: '198.51.100.7', externalIP: '203.0.113.7' },
    ])
    assert.equal((await runtime.ipam()).allocations.length, 0)
    await runtime.must('DEL', call(features))
    assert.deepEqual(await runtime.leftovers(), NOTHING_LEFT)
  })

  test("draws from its node's range where host-local is told to", async () => {
    objects.set('/api/v1/nodes/worker', { spec: { podCIDRs: ['10.79.0.0/24', 'fd00:79::/64'] } })
    const ipam = { type: 'host-local', subnet: 'usePodCidr', dataDir: runtime.dir }
    const { ips } = await runtime.must(
      'ADD',
      call({ ipam, kubernetes: { kubeconfig: kubeconfig(), node_name: 'worker' } }),
    )
    assert.match(ips[0].address, /^10\.79\.0\./)
    await runtime.must('DEL', call({ ipam }))
    assert.deepEqual(await runtime.leftovers(), NOTHING_LEFT)
  })
})

describe('ADD fails, says why and leaves nothing', () => {
  const cases: [what: string, prepare: () => Json | void, code: number, message: RegExp][] = [
    ['the pod is gone', () => void objects.delete(POD), 100, /pods\/cart-0 from Kubernetes: there is none/],
    ['permission is missing', () => void objects.set(POD, { status: 403 }), 100, /permission denied/],
    ['the server is overloaded', () => void objects.set(POD, { status: 503 }), 11, /HTTP status 503/],
    [
      'the token is old',
      () => ({ kubernetes: { kubeconfig: kubeconfig('old') } }),
      100,
      /does not know the credentials/,
    ],
    ['there is no such file', () => ({ kubernetes: { kubeconfig: '/nonexistent' } }), 7, /cannot use \/nonexistent/],
    ['nobody listens', () => ({ kubernetes: { k8s_api_root: 'https://127.0.0.1:1' } }), 11, /cannot reach Kubernetes/],
    [
      'the certificate is unknown',
      () => ({ kubernetes: { k8s_api_root: `https://127.0.0.1:${port}` } }),
      11,
      /cannot reach Kubernetes.*certificate/,
    ],
    ['an annotation is wrong', () => void objects.set(POD, pod({ ipAddrs: '[7]' })), 7, /annotation .*ipAddrs/],
  ]
  for (const [what, prepare, code, message] of cases) {
    test(`because ${what}`, async () => {
      const conf = prepare() ?? {}
      const { json } = await runtime.call('ADD', call(conf))
      assert.match(json['msg'], message)
      assert.equal(json['code'], code)
      assert.deepEqual(await runtime.leftovers(), NOTHING_LEFT)
    })
  }
})
