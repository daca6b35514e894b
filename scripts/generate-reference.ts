// Writes docs/reference and docs/man from the tables in the code. `node scripts/generate-reference.ts` writes, `--check` fails on drift.
// One function a page, or a map of pages; the folders of generated pages are emptied of what nobody generates.
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ENTRIES, renderCliReference, renderManPages } from '@calico-node/calicoctl'
import { renderFelixReference } from '@calico-node/felix'
import { renderEnvironmentReference } from '@calico-node/startup'
import { renderEtcdRoles } from './reference/etcd-roles.ts'
import { resourcePages } from './reference/resources.ts'

const ROOT = 'docs/reference'
const MAN = '../man'
const manPages = [...(await renderManPages(ENTRIES))].map(([file, text]): [string, string] => [`${MAN}/${file}`, text])
const PAGES = new Map([
  ...resourcePages(),
  ...manPages,
  ['calicoctl.md', await renderCliReference(ENTRIES)],
  ['environment.md', renderEnvironmentReference()],
  ['etcd-roles.md', renderEtcdRoles()],
  ['felix-configuration.md', renderFelixReference()],
])

const check = process.argv.includes('--check')
const present = globSync(['{resources,schemas}/*', `${MAN}/*`], { cwd: ROOT })
const surplus = present.filter((path) => !PAGES.has(path))
const stale = [...PAGES].filter(([path, text]) => {
  const file = join(ROOT, path)
  return !existsSync(file) || readFileSync(file, 'utf8') !== text
})

if (!check) {
  for (const path of surplus) rmSync(join(ROOT, path))
  for (const [path, text] of stale) {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true })
    writeFileSync(join(ROOT, path), text)
  }
  console.log(`${ROOT}: ${PAGES.size} files, ${stale.length} written, ${surplus.length} removed`)
} else if (stale.length + surplus.length > 0) {
  const names = [...stale.map(([path]) => path), ...surplus]
  console.error(`Stale below ${ROOT}: ${names.join(', ')}. Run "make reference"`)
  process.exit(1)
}
