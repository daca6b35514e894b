/**
 * Call this first in a test that changes links, routes, rules or sysctls. Without it, a test that somebody starts by hand
 * would change the network of the machine.
 *
 * @throws Error unless scripts/in-netns.sh (or the virtual machine) runs the test
 */
export function requireOwnNamespace(): void {
  if (process.env['CALICO_OWN_NETNS'] === '1') return
  throw new Error(
    `This test changes the network it runs in. Start it so: scripts/in-netns.sh node --test ${process.argv[1] ?? 'FILE'}`,
  )
}
