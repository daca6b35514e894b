// Derives every tsconfig.json from the package.json files, so that the reference graph has one source.
// `node scripts/sync-tsconfig.ts` writes, `--check` fails on drift.
import { existsSync, globSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'

interface Manifest {
  readonly dependencies?: Record<string, string>
  readonly devDependencies?: Record<string, string>
}

const SCOPE = '@calico-node/'
const check = process.argv.includes('--check')
const stale: string[] = []

function emit(path: string, value: unknown): void {
  const text = `${JSON.stringify(value, null, 2)}\n`
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return
  stale.push(path)
  if (!check) writeFileSync(path, text)
}

const ours = (deps: Record<string, string> = {}): string[] =>
  Object.keys(deps)
    .filter((name) => name.startsWith(SCOPE))
    .map((name) => name.slice(SCOPE.length))
    .toSorted()

const root: { path: string }[] = []
for (const name of readdirSync('packages').toSorted()) {
  const dir = `packages/${name}`
  const manifest: Manifest = JSON.parse(readFileSync(`${dir}/package.json`, 'utf8'))
  const deps = ours(manifest.dependencies)
  const out = `../../.build/${name}`
  emit(`${dir}/tsconfig.json`, {
    extends: '../../tsconfig.base.json',
    compilerOptions: { rootDir: 'src', outDir: `${out}/src`, tsBuildInfoFile: `${out}/src.tsbuildinfo` },
    include: ['src/**/*.ts'],
    exclude: ['src/**/*.test.ts'],
    references: deps.map((dep) => ({ path: `../${dep}` })),
  })
  root.push({ path: dir })
  if (globSync(`${dir}/src/**/*.test.ts`).length === 0) continue
  const testDeps = [...new Set([...deps, ...ours(manifest.devDependencies)])].toSorted()
  emit(`${dir}/tsconfig.test.json`, {
    extends: '../../tsconfig.base.json',
    compilerOptions: { rootDir: 'src', outDir: `${out}/test`, tsBuildInfoFile: `${out}/test.tsbuildinfo` },
    include: ['src/**/*.test.ts'],
    references: [{ path: './tsconfig.json' }, ...testDeps.map((dep) => ({ path: `../${dep}` }))],
  })
  root.push({ path: `${dir}/tsconfig.test.json` })
}
for (const extra of ['scripts', 'test']) if (existsSync(`${extra}/tsconfig.json`)) root.push({ path: extra })
emit('tsconfig.json', { files: [], references: root })

if (check && stale.length > 0) {
  console.error(`Stale: ${stale.join(', ')}. Run "node scripts/sync-tsconfig.ts"`)
  process.exit(1)
}
