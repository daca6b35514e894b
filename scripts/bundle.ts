// Bundles each program into dist/PROGRAM.cjs with esbuild. dist/ changes as a whole.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { build, type Plugin } from 'esbuild'
import protobuf from 'protobufjs'

const PROGRAMS = ['felix', 'confd', 'bird', 'startup', 'calicoctl', 'node-services', 'cni', 'libnetwork', 'lab']
const MAIN_FILES = [
  ...PROGRAMS.map((name) => [name, `packages/${name}/src/main.ts`] as const),
  ['calico-node', 'packages/node-services/src/calico-node.ts'] as const,
  ['install-cni', 'packages/cni/src/install/main.ts'] as const,
]

/** Takes etcd's services from a description made here, see etcd3-services.ts. */
const etcdServices: Plugin = {
  name: 'etcd3-services',
  setup(plugin) {
    plugin.onLoad({ filter: /etcd3[\\/]lib[\\/]connection-pool\.js$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8')
      const described = new protobuf.Root().loadSync(join(dirname(path), '../proto/rpc.proto'), { keepCase: true })
      const replacement = `const etcdserverpb = require(${JSON.stringify(resolve('scripts/etcd3-services.ts'))})
        .etcdServices(${JSON.stringify(described.toJSON({ keepComments: false }))});`
      const contents = source
        .replace('const proto_loader_1 = require("@grpc/proto-loader");', '')
        .replace(/const packageDefinition = [^]*?const etcdserverpb = .*;/, () => replacement)
      if (/proto_loader_1|packageDefinition/.test(contents))
        throw new Error(`${path} loads its services another way now`)
      return { contents, loader: 'js' }
    })
  },
}

/** zod's index names its messages in fifty languages, none of which can be shaken off; we speak one. */
const onlyEnglish: Plugin = {
  name: 'zod-english',
  setup(plugin) {
    plugin.onLoad({ filter: /zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js'",
      loader: 'js',
    }))
  },
}

const { version }: { version: string } = JSON.parse(readFileSync('package.json', 'utf8'))
const epoch = process.env['SOURCE_DATE_EPOCH']
const built = new Date(epoch === undefined ? Date.now() : Number(epoch) * 1000).toISOString()

const staged = `.build/dist-${process.pid}`
mkdirSync(staged, { recursive: true })
const results = await Promise.all(
  MAIN_FILES.map(([name, main]) =>
    build({
      entryPoints: [main],
      outfile: `${staged}/${name}.cjs`,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      target: 'node24',
      legalComments: 'none', // the licences of what is bundled go into the image as a whole
      // A third smaller to ship and to keep in memory; names and lines stay, so that a stack trace can be read.
      minifyWhitespace: true,
      minifySyntax: true,
      lineLimit: 160,
      metafile: true,
      logLevel: 'warning',
      define: {
        'process.env.CALICO_BUILD_VERSION': JSON.stringify(version),
        'process.env.CALICO_BUILD_COMMIT': JSON.stringify(process.env['GIT_COMMIT'] ?? 'unknown'),
        'process.env.CALICO_BUILD_DATE': JSON.stringify(built),
      },
      plugins: [etcdServices, onlyEnglish],
    }),
  ),
)
// What the image lists as its parts.
const inputs = new Set(results.flatMap(({ metafile }) => Object.keys(metafile.inputs)))
writeFileSync(`${staged}/bundled.json`, JSON.stringify([...inputs].toSorted()))
const old = `${staged}.old`
if (existsSync('dist')) renameSync('dist', old)
renameSync(staged, 'dist')
rmSync(old, { recursive: true, force: true })
