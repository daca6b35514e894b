// The layer test: imports point downwards only, and every import is declared. Reads package.json files and import lines.
import { globSync, readFileSync, readdirSync } from 'node:fs'

interface Manifest {
  readonly dependencies?: Record<string, string>
  readonly devDependencies?: Record<string, string>
}

const SCOPE = '@calico-node/'
/** Lower number = lower layer; a package may depend on lower layers only. */
const LAYER: Readonly<Record<string, number>> = {
  core: 0,
  selector: 1,
  testkit: 1,
  model: 2,
  policy: 3,
  datastore: 3,
  linux: 3,
  birdc: 3,
  ipam: 4,
  'node-address': 4,
  workload: 5,
  felix: 6,
  confd: 6,
  bird: 6,
  startup: 6,
  'node-services': 6,
  calicoctl: 6,
  cni: 6,
  libnetwork: 6,
  'kube-controllers': 6,
  neutron: 6,
  lab: 7,
}
/** Pure folders: no I/O, no clock, no chance, no logger. */
const PURE = [
  'packages/model/src',
  'packages/selector/src',
  'packages/policy/src',
  'packages/felix/src/calc',
  'packages/felix/src/rules',
  'packages/confd/src/render',
  'packages/confd/src/model',
  'packages/linux/src/rules/render',
]
const IMPURE =
  /from '(node:(?!crypto')[^']+|execa|winston|etcd3|chokidar)'|\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bset(?:Timeout|Interval)\(/

const problems: string[] = []
for (const name of readdirSync('packages')) {
  const layer = LAYER[name]
  if (layer === undefined) {
    problems.push(`packages/${name}: has no layer in scripts/check-layers.ts`)
    continue
  }
  const manifest: Manifest = JSON.parse(readFileSync(`packages/${name}/package.json`, 'utf8'))
  for (const dep of Object.keys(manifest.dependencies ?? {})) {
    if (!dep.startsWith(SCOPE)) continue
    const other = dep.slice(SCOPE.length)
    if ((LAYER[other] ?? Infinity) >= layer)
      problems.push(`packages/${name}: depends on ${other}, which is not below it`)
  }
  for (const file of globSync(`packages/${name}/src/**/*.ts`)) {
    const isTest = file.endsWith('.test.ts') || file.includes('/src/testing/') || name === 'testkit'
    const declared = { ...manifest.dependencies, ...(isTest ? manifest.devDependencies : {}) }
    const source = readFileSync(file, 'utf8')
    if (/\.(netns|bird)\.test\.ts$/.test(file) && !source.includes('\nrequireOwnNamespace()\n')) {
      problems.push(`${file}: must call requireOwnNamespace() before anything else`)
    }
    for (const [, target = ''] of source.matchAll(/^(?:import|export)[^'"]*?from '([^'.][^']*)'/gms)) {
      if (target.startsWith('node:')) continue
      const root = target.startsWith('@') ? target.split('/').slice(0, 2).join('/') : target.split('/')[0]
      if (root === 'fast-check' && isTest) continue
      if (root === undefined || !(root in declared))
        problems.push(`${file}: imports ${target}, which its package.json does not declare`)
      if (target.startsWith(SCOPE) && target.split('/').length > 2) problems.push(`${file}: deep import of ${target}`)
    }
    if (
      !file.includes('.test.') &&
      !file.includes('.bench.') &&
      PURE.some((dir) => file.startsWith(`${dir}/`) || file.startsWith(`${dir}-`)) &&
      IMPURE.test(source)
    ) {
      problems.push(`${file}: is in a pure folder but uses ${IMPURE.exec(source)?.[0]}`)
    }
  }
}
for (const problem of problems) console.error(problem)
process.exitCode = problems.length > 0 ? 1 : 0
