// The commands of docs/docker-networks.md in their order, word for word but for the image and addresses, and what the text says
// of them.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { requireOwnNamespace } from '@calico-node/testkit'
import { soon, withDockerHosts, type DockerHost } from './docker-host.ts'

requireOwnNamespace()

const DOCUMENT = readFileSync(new URL('../../docs/docker-networks.md', import.meta.url), 'utf8')

/** The commands `HOST# ...` of this section, each with its here-document, and its YAML. */
function sectionOf(title: string): { commands: { host: string; text: string }[]; yaml: string[] } {
  const [, rest = ''] = DOCUMENT.split(`\n## ${title}\n`)
  const [section = ''] = rest.split('\n## ')
  const blocks = (language: string): string[] =>
    [...section.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, 'gm'))].map(([, text = '']) => text)
  const commands = blocks('console').flatMap((block) =>
    [...block.matchAll(/^(\w+)# (.*<<(\w+)\n[^]*?\n\3|.*)$/gm)].map(([, host = '', text = '']) => ({ host, text })),
  )
  assert.ok(commands.length > 0, title)
  return { commands, yaml: blocks('yaml') }
}

async function type(one: DockerHost, text: string): Promise<void> {
  const [program = '', ...words] = text.replace('IMAGE', 'busybox /bin/busybox sleep 100000').split(' ')
  if (program === 'docker') await one.engine.docker(...words)
  else await one.host.machine.sh(text)
}

test('docs/docker-networks.md does what it says', () =>
  withDockerHosts({}, async (_lab, [one, two]) => {
    assert.ok(one && two)
    const hosts = new Map([one, two].map((each) => [each.host.name, each]))
    const on = (name: string): DockerHost => hosts.get(name) ?? assert.fail(name)

    const { commands, yaml } = sectionOf('Two hosts, one network')
    const ping = commands.pop()
    assert.match(ping?.text ?? '', /^docker exec web ping ADDRESS-OF-DB$/)
    for (const { host, text } of commands) await type(on(host), text)
    const db = await two.addressOn('db', 'blue')
    await soon('web to reach db', () => one.pings('web', db))

    await one.run('other', '--network', 'blue')
    await soon('another container of the network to reach db', () => one.pings('other', db))
    for (const input of yaml) await one.host.machine.must(['calicoctl', 'apply', '-f', '-'], { input })
    await soon('other to be kept out by the policy', async () => !(await one.pings('other', db)))
    assert.ok(await one.pings('web', db))

    for (const { host, text } of sectionOf('Several networks on one container').commands) await type(on(host), text)
    assert.match(await one.addressOn('web', 'red'), /^10\.1\./)
    await one.run('peer', '--network', 'red')
    await soon('peer to reach web over red', async () => one.pings('peer', await one.addressOn('web', 'red')))
    assert.ok(await one.pings('web', db), 'and web reaches db as before')
  }))
