import { messageOf } from '@calico-node/core'
import { Lab, type LabOptions } from '../lab.ts'
import type { Command, Section } from './document.ts'
import { EXPECTATIONS } from './expectations.ts'
import { ruleCount } from './observations.ts'

export interface PlayOptions extends LabOptions {
  readonly sections: readonly Section[]
  readonly print: (line: string) => void
  /** Called once the hosts are up, before anything is played. */
  readonly prepare?: (lab: Lab) => Promise<void>
  /** What to run in place of a command of the document. */
  readonly translate?: (command: Command) => string
}

export interface PlayResult {
  readonly passed: number
  readonly failed: number
  /** Wall time of each section, in milliseconds. */
  readonly phases: readonly { readonly name: string; readonly ms: number }[]
  readonly lab: Lab
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

/** Wraps observations at 80 columns, after `indent`. */
function wrap(text: string, indent: string): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > 80) {
      lines.push(line)
      line = ''
    }
    line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].map((part) => `${indent}${part}`).join('\n')
}

/** Brings up a lab of two hosts and plays the sections; a failed expectation ends the play. */
export async function play(opts: PlayOptions): Promise<PlayResult> {
  const { sections, print, prepare, translate = ({ text }) => text } = opts
  const phases: { name: string; ms: number }[] = []
  let passed = 0
  let failed = 0
  let started = performance.now()
  const lap = (name: string): number => {
    const ms = performance.now() - started
    phases.push({ name, ms })
    started = performance.now()
    return ms
  }

  print('\n0. A lab of two hosts, an underlay and etcd')
  const lab = await Lab.start(opts)
  for (const name of ['host1', 'host2']) await lab.addHost(name)
  print(`   host1 172.30.0.11, host2 172.30.0.12, etcd ${lab.etcd.endpoint}  (${seconds(lap('lab'))})`)

  await prepare?.(lab)

  const notes = new Map<string, string>()
  for (const section of sections) {
    print(`\n${section.number}. ${section.title}`)
    try {
      await Promise.all(
        groupByHost(section.commands).map(async (commands) => {
          for (const command of commands) await runCommand(lab, { ...command, text: translate(command) }, print)
        }),
      )
      for (const { expected, observe } of EXPECTATIONS.get(section.number) ?? []) {
        const from = performance.now()
        print(wrap(`expected: ${expected}`, '   '))
        print(`${wrap(`observed: ${await observe(lab, notes)}`, '   ')}  (${seconds(performance.now() - from)})`)
        passed++
      }
    } catch (err) {
      failed++
      print(`   FAILED:   ${messageOf(err)}`)
    }
    for (const host of lab.hosts.values()) notes.set(`rules ${host.name}`, String(await ruleCount(host)))
    print(`   took ${seconds(lap(section.title))}`)
    if (failed > 0) break
  }
  return { passed, failed, phases, lab }
}

/** Commands of different hosts run side by side, as two operators would type them. */
function groupByHost(commands: readonly Command[]): Command[][] {
  return [...Map.groupBy(commands, (command) => command.host).values()]
}

async function runCommand(lab: Lab, { host: name, text }: Command, print: (line: string) => void): Promise<void> {
  const host = lab.host(name)
  const node = /^((?:\w+=\S+ )*)start-node$/.exec(text)
  const from = performance.now()
  if (node !== null) {
    const pairs = (node[1] ?? '')
      .trim()
      .split(' ')
      .filter((pair) => pair !== '')
      .map((pair) => pair.split('='))
    await host.startNode(Object.fromEntries(pairs.map(([key = '', value = '']) => [key, value])))
  }
  const { code, stdout, stderr } =
    node === null ? await host.machine.exec(['sh', '-c', text]) : { code: 0, stdout: '', stderr: '' }
  const said = `${stdout}${stderr}`.trimEnd()
  print(`   ${name}# ${text}  (${seconds(performance.now() - from)})`)
  if (said !== '')
    print(
      said
        .split('\n')
        .map((line) => `     ${line}`)
        .join('\n'),
    )
  if (code !== 0) throw new Error(`"${text}" on ${name} ended with status ${code}`)
}
