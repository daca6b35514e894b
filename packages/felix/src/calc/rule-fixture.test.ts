/** Rules as the calculation graph hands them on: a test says only what it is about. */
import type { CalcRule, CalcSide } from './messages.ts'

/** Restricts nothing. */
export const NO_SIDE: CalcSide = {
  nets: [],
  notNets: [],
  ports: [],
  notPorts: [],
  sets: [],
  notSets: [],
  portSets: [],
  notPortSets: [],
}

export type RuleFields = Partial<Omit<CalcRule, 'action' | 'source' | 'destination'>> & {
  from?: Partial<CalcSide>
  to?: Partial<CalcSide>
}
export const calcRule = (action: CalcRule['action'], { from, to, ...fields }: RuleFields = {}): CalcRule => ({
  action,
  comments: [],
  ...fields,
  source: { ...NO_SIDE, ...from },
  destination: { ...NO_SIDE, ...to },
})
