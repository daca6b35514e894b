// Packs calicoctl for `npm install -g`: the bundle, its manual pages, licences; no dependencies. Run `make build` first.
// usage: pack-calicoctl.ts [FOLDER]   leaves FOLDER/calico-node-calicoctl-VERSION.tgz (default out/npm) and prints its path
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const folder = resolve(process.argv[2] ?? 'out/npm')
if (!existsSync('dist/calicoctl.cjs')) throw new Error('dist/calicoctl.cjs is missing: run "make build" first')
const { version, license }: { version: string; license: string } = JSON.parse(readFileSync('package.json', 'utf8'))
const pages = readdirSync('docs/man').filter((file) => file.endsWith('.1'))

const manifest = {
  name: '@calico-node/calicoctl',
  version,
  description: 'Manages Calico networks and their policy in etcd',
  license,
  bin: { calicoctl: 'bin/calicoctl.cjs' },
  man: pages.map((file) => `man/${file}`),
  engines: { node: '>=24' },
}

const staged = mkdtempSync(join(tmpdir(), 'calicoctl-npm-'))
try {
  cpSync('packages/calicoctl/npm/calicoctl.cjs', `${staged}/bin/calicoctl.cjs`)
  chmodSync(`${staged}/bin/calicoctl.cjs`, 0o755)
  cpSync('packages/calicoctl/npm/README.md', `${staged}/README.md`)
  cpSync('dist/calicoctl.cjs', `${staged}/dist/calicoctl.cjs`)
  cpSync('docs/man', `${staged}/man`, { recursive: true })
  for (const file of ['LICENSE', 'NOTICE']) cpSync(file, join(staged, file))
  // Of everything that is bundled anywhere, which is more than this bundle holds. No Debian packages are among it.
  const licences = mkdtempSync(join(tmpdir(), 'licences-'))
  execFileSync(process.execPath, ['scripts/inventory.ts', 'write', '/dev/null', licences])
  cpSync(`${licences}/THIRD-PARTY-LICENSES`, `${staged}/THIRD-PARTY-LICENSES`)
  rmSync(licences, { recursive: true })
  writeFileSync(`${staged}/package.json`, `${JSON.stringify(manifest, null, 2)}\n`)
  mkdirSync(folder, { recursive: true })
  const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], {
    cwd: staged,
    encoding: 'utf8',
  })
  console.log(join(folder, packed.trim()))
} finally {
  rmSync(staged, { recursive: true })
}
