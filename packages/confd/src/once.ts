import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { CalicoError, type Logger } from '@calico-node/core'
import { sync, type KvStore } from '@calico-node/datastore'
import { FactStore } from './facts/fact-store.ts'
import { readSecrets } from './facts/secrets.ts'
import { readPeeringWorkloads } from './facts/workload-files.ts'
import { ConfigDirectory } from './install/config-directory.ts'
import type { Surroundings } from './model/facts.ts'
import type { ConfdConfig } from './params.ts'
import { ProblemLog } from './problem-log.ts'
import { Templates } from './render/templates.ts'
import { renderChecked } from './renderer.ts'
import { readTemplateFiles } from './template-files.ts'

export interface OnceOptions {
  readonly config: ConfdConfig
  readonly surroundings: Surroundings
  readonly store: KvStore
  readonly log: Logger
  /** Directory for the files; made when it does not exist. */
  readonly out: string
}

/**
 * Renders the configuration of both daemons into a directory and has it checked, beside whatever runs.
 *
 * @returns 0: all of it is good; 2: it is good, but some resources had to be left out, which the log names
 * @throws INVALID when nothing can be rendered or the templates are at fault
 */
export async function renderOnce({ config, surroundings, store, log, out }: OnceOptions): Promise<0 | 2> {
  const templates = new Templates(
    readTemplateFiles({ shipped: config.CALICO_TEMPLATES, overrides: config.CALICO_CONFD_TEMPLATES }),
  )
  const facts = await snapshot(templates.manifest.watch, { store, log, node: surroundings.node })
  facts.setSecrets(readSecrets(config.CALICO_SECRETS_DIR))
  facts.setWorkloads(readPeeringWorkloads(join(config.CALICO_ENDPOINT_STATUS_PATH_PREFIX, 'endpoint-status')))
  mkdirSync(out, { recursive: true })
  const problems = [...facts.problems()]
  for (const daemon of templates.manifest.daemons) {
    const directory = new ConfigDirectory(resolve(out), daemon)
    const judge = { holds: () => false, check: directory.check.bind(directory) }
    const rendered = await renderChecked({ templates, daemon, facts: facts.facts(), surroundings }, judge)
    if (rendered.kind === 'not-ready')
      throw new CalicoError('INVALID', `Cannot render ${daemon.name}: ${rendered.reason}`)
    if (rendered.kind === 'refused') throw new CalicoError('INVALID', `Cannot use the templates: ${rendered.message}`)
    directory.install(rendered.files)
    problems.push(...rendered.problems)
    log.info('Configuration written', { daemon: daemon.name, out, sessions: rendered.sessions.length })
  }
  new ProblemLog(log).update(problems)
  return problems.length === 0 ? 0 : 2
}

/** Everything below the prefixes, once. */
async function snapshot(
  prefixes: readonly string[],
  { store, log, node }: { store: KvStore; log: Logger; node: string },
): Promise<FactStore> {
  const facts = new FactStore(node)
  const { signal } = new AbortController()
  for await (const event of sync(
    store,
    prefixes.map((prefix) => prefix.replaceAll('{node}', node)),
    { log, signal },
  )) {
    if (event.kind === 'updates') facts.apply(event.updates)
    if (event.kind === 'in-sync') break
  }
  return facts
}
