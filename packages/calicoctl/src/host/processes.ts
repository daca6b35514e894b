import { readdirSync, readFileSync } from 'node:fs'

/** Command lines of all processes that this process can see. Processes that end meanwhile are left out. */
export function listCommandLines(procRoot = '/proc'): string[][] {
  return readdirSync(procRoot)
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const argv = readFileSync(`${procRoot}/${pid}/cmdline`, 'utf8').split('\0')
        return argv[0] === '' ? [] : [argv]
      } catch {
        return []
      }
    })
}

export interface RunningPrograms {
  readonly felix: boolean
  readonly bird: boolean
  readonly bird6: boolean
}

/**
 * Which programs of a node run. Felix is known by its first word `calico-felix`, or by `calico-node -felix`; BIRD by
 * exactly `bird` and `bird6`, which a path before the name is not.
 */
export function runningPrograms(commandLines: readonly (readonly string[])[]): RunningPrograms {
  const first = (name: string): boolean => commandLines.some(([argv0]) => argv0 === name)
  const felix = commandLines.some(
    ([argv0 = '', argv1]) =>
      // A process title replaces the whole command line with one text.
      argv0.split(' ')[0] === 'calico-felix' || (argv0 === 'calico-node' && argv1 === '-felix'),
  )
  return { felix, bird: first('bird'), bird6: first('bird6') }
}
