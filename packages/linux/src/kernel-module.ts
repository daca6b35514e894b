import type { Logger } from '@calico-node/core'
import { runTool } from './run.ts'

const TIMEOUT_MS = 5000

/** Asks the kernel for a module. Many kernels have it built in, and a container may not see the modules: neither is an error. */
export async function loadKernelModule(name: string, log: Logger): Promise<void> {
  await runTool('modprobe', [name], { timeoutMs: TIMEOUT_MS }).catch((err: unknown) =>
    log.debug('Kernel module not loaded; it may be built in', { module: name, err }),
  )
}
