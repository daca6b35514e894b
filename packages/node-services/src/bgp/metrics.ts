import type { FamilyStatus, SessionStatus } from './history.ts'

interface Metric {
  readonly name: string
  readonly type: 'gauge' | 'counter'
  readonly help: string
  readonly value: (session: SessionStatus) => number
}

const METRICS: readonly Metric[] = [
  {
    name: 'calico_bgp_session_up',
    type: 'gauge',
    help: '1 when the session is established.',
    value: ({ established }) => (established ? 1 : 0),
  },
  {
    name: 'calico_bgp_session_prefixes_imported',
    type: 'gauge',
    help: 'Routes taken from the peer.',
    value: ({ imported }) => imported,
  },
  {
    name: 'calico_bgp_session_prefixes_exported',
    type: 'gauge',
    help: 'Routes given to the peer.',
    value: ({ exported }) => exported,
  },
  {
    name: 'calico_bgp_session_flaps_total',
    type: 'counter',
    help: 'How often the established session has ended.',
    value: ({ flaps }) => flaps,
  },
]

/** The exposition format of Prometheus. Label values are symbols of BIRD and numbers, which need no quoting. */
export function renderMetrics(families: readonly FamilyStatus[]): string {
  const lines = ['# HELP calico_bird_up 1 when BIRD answers.', '# TYPE calico_bird_up gauge']
  for (const { family, running } of families) lines.push(`calico_bird_up{family="${family}"} ${running ? 1 : 0}`)
  for (const { name, type, help, value } of METRICS) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
    for (const { family, sessions } of families) {
      for (const session of sessions) lines.push(`${name}{family="${family}",peer="${session.name}"} ${value(session)}`)
    }
  }
  return `${lines.join('\n')}\n`
}
