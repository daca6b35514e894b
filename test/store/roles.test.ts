// The programs on an etcd with authentication, each with a user that has the role of its component and no other.
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { expectBlocked, expectReachable, type Host, type Lab, type LabEtcd } from '@calico-node/lab'
import { addOpenWorkload, addWorkload, withLab } from '../with-lab.ts'

const PASSWORD = 'of-a-component'
const COMPONENTS = ['startup', 'felix', 'confd', 'operator', 'cni'] as const
const bin = resolve(import.meta.dirname, '../../bin')

/** The documented command makes the roles; then nobody gets in without a password. */
async function enableAuth({ etcd }: Lab, host: Host): Promise<void> {
  const env = { ETCDCTL_API: '3', ETCDCTL_ENDPOINTS: etcd.endpoint }
  await host.machine.must(['bash', '-ec', 'set -o pipefail; calicoctl datastore roles | sh -e'], { env })
  for (const component of COMPONENTS) {
    await etcd.must('user', 'add', `${component}:${PASSWORD}`)
    await etcd.must('user', 'grant-role', component, `calico-${component}`)
  }
  await etcd.must('user', 'add', 'root:root')
  await etcd.must('user', 'grant-role', 'root', 'root')
  await etcd.must('auth', 'enable')
  etcd.user = 'root:root'
}

/** Programs whose component has another name. */
const COMPONENT_OF: Readonly<Record<string, string>> = { 'node-services': 'startup' }

/** A folder of programs that run the real ones, each as the user of its component. */
function programsWithUsers(host: Host): string {
  const dir = join(host.machine.dir, 'bin')
  mkdirSync(dir)
  for (const program of readdirSync(bin)) {
    const file = join(dir, program)
    const user = COMPONENT_OF[program] ?? program
    writeFileSync(
      file,
      `#!/bin/sh\nexport ETCD_USERNAME=${user} ETCD_PASSWORD=${PASSWORD}\nexec ${bin}/${program} "$@"\n`,
    )
    chmodSync(file, 0o755)
  }
  return dir
}

/** Whether etcd itself lets the component do it. */
async function isDenied(etcd: LabEtcd, component: string, ...args: string[]): Promise<boolean> {
  const { code, stderr } = await etcd.ctl(...args, `--user=${component}:${PASSWORD}`)
  if (code !== 0) assert.match(stderr, /permission denied/)
  return code !== 0
}

test('each program works with the role of its component alone', { timeout: 180_000 }, () =>
  withLab({ start: false }, async (lab, [host1, host2]) => {
    assert.ok(host1 !== undefined && host2 !== undefined)
    await enableAuth(lab, host1)
    for (const host of [host1, host2]) {
      Object.assign(host.machine.env, { ETCD_USERNAME: 'operator', ETCD_PASSWORD: PASSWORD })
      await host.startNode({ IP6: 'autodetect', CALICO_BIN: programsWithUsers(host) })
    }
    const a = await addOpenWorkload(host1, 'a')
    const b = await addOpenWorkload(host2, 'b')
    const closed = await addWorkload(host1, 'closed')
    await expectReachable(
      [
        { from: a, to: b },
        { from: b, to: a },
      ],
      30_000,
    )
    await expectBlocked([{ from: b, to: closed }])
    await host1.calicoctl('container', 'closed', 'profile', 'set', 'open')
    await expectReachable([{ from: b, to: closed }])
    await waitFor('felix to report status', async () => (await lab.etcd.keys('/calico/felix/')).length > 0)
    await host1.calicoctl('container', 'remove', 'closed')
    for (const host of [host1, host2])
      for (const service of ['felix', 'confd', 'node-services'])
        assert.doesNotMatch(
          host.serviceLog(service),
          /permission|FORBIDDEN|unauthori[sz]ed/i,
          `${host.name} ${service}`,
        )

    const node = '/calico/resources/v3/projectcalico.org/nodes/host1'
    const policies = '/calico/resources/v3/projectcalico.org/globalnetworkpolicies/'
    const { etcd } = lab
    assert.equal(await isDenied(etcd, 'felix', 'put', node, '{}'), true)
    assert.equal(await isDenied(etcd, 'felix', 'get', policies, '--prefix'), false)
    assert.equal(await isDenied(etcd, 'confd', 'get', policies, '--prefix'), true)
    assert.equal(await isDenied(etcd, 'confd', 'get', node), false)
    assert.equal(await isDenied(etcd, 'startup', 'get', policies, '--prefix'), true)
    assert.equal(await isDenied(etcd, 'operator', 'put', '/registry/x', '{}'), true)
    const { code, stderr } = await host1.machine.exec(['calicoctl', 'delete', 'node', 'host2'], {
      env: { ETCD_USERNAME: 'confd' },
    })
    assert.equal(code, 1)
    assert.match(stderr, /has no permission/)
    assert.notEqual(await etcd.json(node), undefined)
  }),
)
