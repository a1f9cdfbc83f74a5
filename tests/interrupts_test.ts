/**
 * Whose CPU a device interrupts: the event log of a run in which disk, console, NICs and card are all at work.
 *
 * "Device interrupts all go to the coordinator's CPUs" (helios-reference.md section 2, of the paper's 3.4).
 */

import { assert, assertEquals } from "@std/assert";
import { succeed, TemporaryFolder } from "./command_line.ts";

/** Vectors of the kernel's own, which each CPU takes: its timer, and IPIs. */
const ownVectors = ["224", "225"];

/** How often each of the things that `pattern` finds in a log is there. */
function counted(log: string, pattern: RegExp): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [, what] of log.matchAll(pattern)) counts[what!] = (counts[what!] ?? 0) + 1;
  return counts;
}

Deno.test("every device interrupt of the host goes to the coordinator's first CPU, those of the card's bus to the card", async () => {
  using folder = new TemporaryFolder();
  const trace = `${folder.path}/log`;
  await succeed(["boot", "--exec", "ping -c 2 10.0.2.2; ls; echo x > /fs/x; SingBench", "--trace", trace]);
  const log = Deno.readTextFileSync(trace);
  const byDevices = Object.entries(counted(log, /(cpu\d+\.apic accepts vector \d+)$/gm))
    .filter(([line]) => !ownVectors.includes(line.split(" ").at(-1)!));
  const cpus = new Set(byDevices.map(([line]) => line.split(".")[0]));
  assertEquals([...cpus], ["cpu0"], JSON.stringify(byDevices));
  assert(byDevices.length >= 4, `disk, console, NIC and card: ${JSON.stringify(byDevices)}`);
  const byKernels = counted(log, /(\S+) interrupt line \d+$/gm);
  assertEquals(Object.keys(byKernels).sort(), ["card0", "coordinator"], JSON.stringify(byKernels));
  for (const count of Object.values(byKernels)) assert(count > 50, JSON.stringify(byKernels));
  // The other kernel of the host was at work, too: its CPUs took what is sent to them.
  assert(/cpu2\.apic accepts vector 225$/m.test(log));
});
