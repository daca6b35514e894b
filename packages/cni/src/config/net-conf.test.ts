import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseNetConf, type NetConf } from './net-conf.ts'

describe('parseNetConf()', () => {
  test('an empty configuration has every default', () => {
    const { ipam, mtu, num_queues, device_type, nodename_file, endpoint_status_dir, ...rest } = parseNetConf({})
    assert.deepEqual([ipam.assign_ipv4, ipam.assign_ipv6, ipam.ipv4_pools], [true, false, []])
    assert.deepEqual([mtu, num_queues, device_type], [0, 1, 'veth'])
    assert.deepEqual(
      [nodename_file, endpoint_status_dir],
      ['/var/lib/calico/nodename', '/var/run/calico/endpoint-status'],
    )
    assert.partialDeepStrictEqual(rest, {
      log_level: 'info',
      log_file_max_size: 100,
      log_file_max_age: 30,
      log_file_max_count: 10,
      policy_setup_timeout_seconds: 0,
      feature_control: { ip_addrs_no_ipam: false, floating_ips: false },
      container_settings: { allow_ip_forwarding: false },
    })
  })

  const accepted: [what: string, config: Record<string, unknown>, read: (conf: NetConf) => unknown, value: unknown][] =
    [
      [
        'flags as text',
        { ipam: { assign_ipv6: 'true', assign_ipv4: 'false' } },
        (c) => [c.ipam.assign_ipv6, c.ipam.assign_ipv4],
        [true, false],
      ],
      ['flags as flags', { ipam: { assign_ipv6: true } }, (c) => c.ipam.assign_ipv6, true],
      ['nulls, which Go programs print', { mtu: null, args: null }, (c) => c.mtu, 0],
      [
        "Mesos' labels",
        { args: { 'org.apache.mesos': { network_info: { labels: { labels: [{ key: 'a', value: 'b' }] } } } } },
        (c) => c.args['org.apache.mesos'].network_info.labels.labels,
        [{ key: 'a', value: 'b' }],
      ],
      [
        'a label without a value',
        { args: { labels: [{ key: 'a' }] } },
        (c) => c.args.labels,
        [{ key: 'a', value: '' }],
      ],
      [
        "other plugins' fields",
        { windows_use_single_network: true, dataplane_options: {}, mode: 'vxlan' },
        (c) => c.mtu,
        0,
      ],
      [
        'how to reach Kubernetes',
        { kubernetes: { kubeconfig: '/k' }, policy: { type: 'k8s', k8s_api_root: 'http://h' } },
        (c) => [c.kubernetes.kubeconfig, c.policy.k8s_api_root],
        ['/k', 'http://h'],
      ],
    ]
  for (const [what, config, read, value] of accepted) {
    test(`takes ${what}`, () => assert.deepEqual(read(parseNetConf(config)), value))
  }

  const refused: [config: Record<string, unknown>, message: RegExp][] = [
    [{ mtu: 'big' }, /mtu: /],
    [{ mtu: -1 }, /mtu: /],
    [{ device_type: 'netkit' }, /device_type: only veth is supported/],
    [{ num_queues: 5000 }, /num_queues: /],
    [{ readiness_gates: ['not a URL'] }, /readiness_gates.0: /],
    [{ ipam: { ipv4_pools: 'four' } }, /ipam.ipv4_pools: /],
    [{ policy_setup_timeout_seconds: -1, log_file_max_size: 0 }, /log_file_max_size: .*policy_setup_timeout_seconds: /],
  ]
  for (const [config, message] of refused) {
    test(`refuses ${JSON.stringify(config)}`, () => assert.throws(() => parseNetConf(config), { code: 7, message }))
  }
})
