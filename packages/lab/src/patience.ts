import { waitFor, type WaitOptions } from '@calico-node/core'

/** By how much all deadlines of the lab are stretched: an emulated machine is slow (LAB_PATIENCE, default 1). */
export const PATIENCE = Number(process.env['LAB_PATIENCE'] ?? '1')

/** As `waitFor` of core, with the deadline stretched. */
export const patientlyWaitFor: typeof waitFor = (what, probe, opts?: WaitOptions) =>
  waitFor(what, probe, { ...opts, deadlineMs: (opts?.deadlineMs ?? 10_000) * PATIENCE })
