import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  findWorkloadEndpointName,
  parseWorkloadEndpointName,
  workloadEndpointName,
  workloadNamePrefix,
  type WorkloadIdentity,
} from './workload-name.ts'

describe('names of workload endpoints', () => {
  const rows: [identity: WorkloadIdentity, name: string][] = [
    [{ node: 'rack1-a', orchestrator: 'cni', containerID: '9f-3', endpoint: 'eth0' }, 'rack1--a-cni-9f--3-eth0'],
    [{ node: 'n', orchestrator: 'k8s', pod: 'web-0', workload: 'ignored', endpoint: 'eth0' }, 'n-k8s-web--0-eth0'],
    [{ node: 'n', orchestrator: 'libnetwork', workload: 'libnetwork', endpoint: 'e1' }, 'n-libnetwork-libnetwork-e1'],
    [{ node: 'n', orchestrator: 'docker', workload: 'c0ffee', endpoint: 'eth0' }, 'n-docker-c0ffee-eth0'],
    [{ node: 'a--b', orchestrator: 'x', workload: 'w', endpoint: 'e' }, 'a----b-x-w-e'],
  ]
  for (const [identity, name] of rows) test(name, () => assert.equal(workloadEndpointName(identity), name))

  test('a missing part, or one with a dash at an end, is refused', () => {
    const whole = { node: 'n', orchestrator: 'docker', workload: 'w', endpoint: 'e' }
    assert.throws(() => workloadEndpointName({ ...whole, workload: undefined, endpoint: '' }), {
      code: 'INVALID',
      message:
        'Cannot name the workload endpoint: workload is required: the name is made of it; endpoint is required: the name is made of it',
    })
    assert.throws(() => workloadEndpointName({ ...whole, node: '-n', endpoint: 'e-' }), {
      message:
        'Cannot name the workload endpoint: node must not begin or end with "-"; endpoint must not begin or end with "-"',
    })
  })

  test('what is no such name', () => {
    for (const name of ['', 'a', 'a-b-c', 'a-b-c-d-e', 'a--b-c-d', 'a-b-c-', '----']) {
      assert.equal(findWorkloadEndpointName(name), undefined, name)
      assert.throws(() => parseWorkloadEndpointName(name), { code: 'INVALID' })
    }
  })

  test('property: parts to name and back; the prefix of the node fits', () => {
    const part = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,6}[a-z0-9])?$/)
    fc.assert(
      fc.property(part, part, part, (node, workload, endpoint) => {
        const name = workloadEndpointName({ node, orchestrator: 'docker', workload, endpoint })
        assert.deepEqual(parseWorkloadEndpointName(name), { node, orchestrator: 'docker', workload, endpoint })
        assert.ok(name.startsWith(workloadNamePrefix(node)))
      }),
    )
  })
})
