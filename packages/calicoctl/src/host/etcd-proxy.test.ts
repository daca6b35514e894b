import assert from 'node:assert/strict'
import { test } from 'node:test'
import { behindProxy, proxyCommand, proxyRunWords } from './etcd-proxy.ts'

const SECURE = {
  endpoints: 'https://e1:2379,https://e2:2379',
  discoverySrv: '',
  caFile: '/tls/ca',
  certFile: '/tls/c',
  keyFile: '/tls/k',
  username: 'node',
}

test('the proxy has the certificates', () => {
  assert.equal(
    proxyCommand(SECURE).join(' '),
    'etcd grpc-proxy start --listen-addr=127.0.0.1:23790 --advertise-client-url=http://127.0.0.1:23790 ' +
      '--endpoints=https://e1:2379,https://e2:2379 --cacert=/tls/ca --cert=/tls/c --key=/tls/k',
  )
  assert.match(proxyCommand({ endpoints: '', discoverySrv: 'example.org' }).join(' '), / --discovery-srv=example\.org$/)
})

test('the proxy in a container has no rights', () => {
  const words = proxyRunWords(SECURE, 'etcd:1').join(' ')
  assert.match(
    words,
    /--net=host --name=calico-etcd-proxy --cap-drop=ALL .* -v \/tls\/k:\/tls\/k:ro etcd:1 etcd grpc-proxy start /,
  )
})

test('the node behind it has the address and the user alone', () => {
  assert.deepEqual(behindProxy(SECURE), { endpoints: 'http://127.0.0.1:23790', discoverySrv: '', username: 'node' })
})
