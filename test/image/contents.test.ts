// What is in the image: sizes, papers, programs.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ARCHIVE, type ContainerHost, IMAGE, withContainerHosts } from './with-docker.ts'

const MAX_BYTES = 220e6
const MAX_COMPRESSED_BYTES = 80e6
const DOCS = '/usr/share/doc/calico-node'

interface Sbom {
  readonly components: readonly {
    readonly name: string
    readonly version: string
    readonly purl: string
    readonly licenses: unknown[]
  }[]
}

/** Runs a program of the image without a network. */
const inImage = async ({ engine }: ContainerHost, ...argv: string[]): Promise<string> =>
  engine.docker('run', '--rm', '--network=none', '--cap-drop=ALL', '--read-only', IMAGE, ...argv)

test('the image', async (t) => {
  await withContainerHosts(['host1'], async ([host]) => {
    assert.ok(host !== undefined)
    const { machine } = host.host

    await t.test('is small', async () => {
      const bytes = Number(await host.engine.docker('image', 'inspect', '--format', '{{.Size}}', IMAGE))
      const compressed = Number(await machine.sh(`gzip -c '${ARCHIVE}' | wc -c`, { timeoutMs: 120_000 }))
      t.diagnostic(`${(bytes / 1e6).toFixed(1)} MB, ${(compressed / 1e6).toFixed(1)} MB compressed`)
      assert.ok(bytes <= MAX_BYTES, `${bytes} bytes`)
      assert.ok(compressed <= MAX_COMPRESSED_BYTES, `${compressed} bytes compressed`)
    })

    await t.test('lists every package that it has, with licences', async () => {
      const { components }: Sbom = JSON.parse(await inImage(host, 'cat', `${DOCS}/sbom.cdx.json`))
      const listed = components
        .filter(({ purl }) => purl.startsWith('pkg:deb/'))
        .map(({ name, version }) => `${name} ${version}`)
      const present = (await inImage(host, 'dpkg-query', '-W', '-f', '${Package} ${Version}\n')).split('\n')
      assert.deepEqual(listed.toSorted(), present.toSorted())
      for (const name of ['bird', 'runit', 'iptables', 'ipset', 'conntrack', 'nftables', 'inotify-tools', 'ethtool'])
        assert.ok(
          listed.some((line) => line.startsWith(`${name} `)),
          name,
        )
      const npm = components.filter(({ purl }) => purl.startsWith('pkg:npm/')).map(({ name }) => name)
      for (const name of ['etcd3', 'winston', 'handlebars', 'zod', 'execa']) assert.ok(npm.includes(name), name)
      assert.deepEqual(
        components.filter(({ licenses }) => licenses.length === 0),
        [],
      )
    })

    await t.test('carries its licence, its notice and those of others', async () => {
      assert.match(await inImage(host, 'cat', `${DOCS}/LICENSE`), /Apache License/)
      assert.match(await inImage(host, 'cat', `${DOCS}/NOTICE`), /Tigera/)
      const others = await inImage(host, 'cat', `${DOCS}/THIRD-PARTY-LICENSES`)
      for (const title of [/^node \d/m, /^etcd3 \d/m, /^@grpc\/grpc-js \d/m]) assert.match(others, title)
    })

    await t.test('installs the CNI plugins on its host, which run there', async () => {
      const config =
        '{"name":"net","cniVersion":"0.3.1","plugins":[{"type":"calico","etcd_endpoints":"__ETCD_ENDPOINTS__"}]}'
      const mounts = ['/opt/cni/bin', '/etc/cni/net.d'].map((path) => `--volume=${machine.dir}/cni${path}:/host${path}`)
      const settings = { CNI_NETWORK_CONFIG: config, ETCD_ENDPOINTS: 'http://127.0.0.1:2379', SLEEP: 'false' }
      const words = Object.entries(settings).map(([name, value]) => `--env=${name}=${value}`)
      const rights = ['--network=none', '--cap-drop=ALL', '--read-only']
      await host.engine.docker('run', '--rm', ...rights, ...mounts, ...words, IMAGE, 'install-cni')
      const written = await machine.sh(`cat ${machine.dir}/cni/etc/cni/net.d/10-calico.conflist`)
      assert.match(written, /"etcd_endpoints":\s*"http:\/\/127\.0\.0\.1:2379"/)
      for (const plugin of ['calico', 'calico-ipam']) {
        const said = await machine.sh(`CNI_COMMAND=VERSION ${machine.dir}/cni/opt/cni/bin/${plugin} </dev/null`)
        assert.ok(JSON.parse(said).supportedVersions.includes('0.3.1'), said)
      }
    })

    await t.test('says what it is', async () => {
      const labels: Record<string, string> = JSON.parse(
        await host.engine.docker('image', 'inspect', '--format', '{{json .Config.Labels}}', IMAGE),
      )
      const label = (name: string): string | undefined => labels[`org.opencontainers.image.${name}`]
      assert.match(await inImage(host, 'calicoctl', 'version', '--client'), new RegExp(label('version') ?? 'no label'))
      assert.match(label('revision') ?? '', /^[0-9a-f]{7,}$/)
      assert.equal(label('licenses'), 'Apache-2.0')
    })
  })
})
