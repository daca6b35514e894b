/** podman with the CNI back end on a machine of the lab: storage, state and configuration of its own. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecOptions, Host, Outcome } from '@calico-node/lab'

const IMAGE = 'busybox'

/** What podman starts in the background inherits its output: a pipe would stay open and nobody would see its end. */
const THROUGH_FILES =
  'out=$(mktemp) && podman "$@" >"$out" 2>"$out.err" </dev/null; status=$?; cat "$out"; cat "$out.err" >&2; rm -f "$out" "$out.err"; exit $status'

export class Podman {
  readonly #host: Host
  readonly #dir: string
  readonly #confDir: string

  /** @param dir A folder outside the machine, because images cannot lie on its overlays. */
  constructor(host: Host, dir: string) {
    this.#host = host
    this.#dir = dir
    this.#confDir = join(dir, 'net.d')
  }

  /** Writes the configuration and makes the only image there is: a static busybox. */
  async start(): Promise<void> {
    mkdirSync(this.#confDir, { recursive: true })
    const pluginDirs = [this.#host.machine.env['CALICO_BIN'], '/usr/lib/cni'].map((dir) => JSON.stringify(dir))
    writeFileSync(
      join(this.#dir, 'containers.conf'),
      `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[network]
network_backend = "cni"
cni_plugin_dirs = [${pluginDirs.join(', ')}]
network_config_dir = ${JSON.stringify(this.#confDir)}
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
`,
    )
    const root = join(this.#dir, 'rootfs')
    await this.#host.machine.sh(`
      mkdir -p ${root}/bin ${root}/etc && cp /bin/busybox ${root}/bin/ && tar -C ${root} -cf ${root}.tar .`)
    await this.must('import', '--change', 'ENV=PATH=/bin', `${root}.tar`, IMAGE)
  }

  /** Adds a network; Calico's own names in it are the test's to choose. */
  addNetwork(name: string, plugin: object): void {
    const conflist = { cniVersion: '1.0.0', name, plugins: [{ type: 'calico', ...plugin }] }
    writeFileSync(join(this.#confDir, `${name}.conflist`), JSON.stringify(conflist))
  }

  async exec(args: readonly string[], opts: ExecOptions = {}): Promise<Outcome> {
    const folders = ['--root', join(this.#dir, 'root'), '--runroot', '/run/podman', '--tmpdir', '/run/podman-tmp']
    return this.#host.machine.exec(
      ['sh', '-c', THROUGH_FILES, 'podman', ...folders, '--storage-driver', 'vfs', ...args],
      {
        timeoutMs: 120_000,
        ...opts,
        env: { CONTAINERS_CONF: join(this.#dir, 'containers.conf'), ...opts.env },
      },
    )
  }

  async must(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.exec(args)
    if (code !== 0) throw new Error(`podman ${args.join(' ')} on ${this.#host.name}: ${stderr.trim()}`)
    return stdout.trim()
  }

  /** Starts a container that waits to be told what to do. */
  async run(name: string, ...options: string[]): Promise<void> {
    await this.must('run', '-d', '--name', name, ...options, IMAGE, '/bin/busybox', 'sleep', '100000')
  }

  /** The container's address on a network, as podman knows it. */
  async addressOf(name: string, network: string): Promise<string> {
    return this.must('inspect', name, '--format', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`)
  }

  async pings(name: string, address: string): Promise<boolean> {
    return (await this.exec(['exec', name, '/bin/busybox', 'ping', '-c', '1', '-W', '1', address])).code === 0
  }
}
