/**
 * Determinism: the same command gives the same event log, to the byte, and a change of anything shows.
 *
 * The hash of the event log is compared between processes, so nothing of one run can leak into the next.
 */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { BootedMachine } from "./machine_bench.ts";
import {
  changedMachine,
  freePort,
  hashOf,
  helios,
  type Machine,
  succeed,
  TemporaryFolder,
} from "./command_line.ts";

const exec = "ps; ls /fs; echo text > /fs/note; cat /fs/note; ping -c 2 10.0.2.2";

Deno.test("two runs of the same command have the same event log, whose SHA-256 is the hash that they print", async () => {
  using folder = new TemporaryFolder();
  const runs = await Promise.all(["one", "two"].map(async (name) => {
    const trace = folder.file(name);
    const finished = await succeed(["boot", "--seed", "5", "--trace", trace, "--exec", exec]);
    return { hash: hashOf(finished), log: Deno.readFileSync(trace), stdout: finished.stdout };
  }));
  const [one, two] = runs as [typeof runs[0] & object, typeof runs[0] & object];
  assert(one.log.length > 1000);
  assertEquals(one.hash, two.hash);
  for (const { hash, log } of runs) assertEquals(createHash("sha256").update(log).digest("hex"), hash);
});

Deno.test("a run of its own gives the same event log as one after other machines in the same process", () => {
  const hash = () => {
    const booted = new BootedMachine();
    booted.command("ping -c 2 10.0.2.2");
    booted.command("echo text > /fs/note");
    return booted.hash();
  };
  const first = hash();
  new BootedMachine({ machine: "core2-iop348" }).command("ps");
  assertEquals(hash(), first);
});

const changes: Readonly<Record<string, (machine: Machine) => void>> = {
  "the latency of the switch": ({ lan }) => lan.switchLatencyNs!.value++,
  "the latency of a device interrupt": ({ host }) => host.interrupts.deviceNs!.value++,
  "the latency of an interrupt between domains": ({ host }) => host.interrupts.ipiOtherDomainNs!.value++,
  "the latency of local memory": ({ host }) => (host.memory.localNs as { value: number }).value++,
};

for (const [what, change] of Object.entries(changes)) {
  Deno.test(`one nanosecond more of ${what} changes the event-log hash`, () => {
    const hash = (changed: (machine: Machine) => void) => {
      const booted = new BootedMachine({ change: changed });
      booted.command("ping -c 1 10.0.2.2");
      return booted.hash();
    };
    assertNotEquals(hash(change), hash(() => {}));
  });
}

Deno.test("another seed changes the event-log hash, because the net stack draws random numbers", () => {
  const hash = (seed: number) => {
    const booted = new BootedMachine({ seed });
    booted.command("ping -c 1 10.0.2.2");
    return booted.hash();
  };
  assertEquals(hash(1), hash(1));
  assertNotEquals(hash(1), hash(2));
});

Deno.test("a run that is paced by the wall clock has the same event log twice, and as one that runs free", async () => {
  const paced = () =>
    succeed(["boot", "--headless", "--json", "--for", "3", "--publish", `${freePort()}:25`]);
  const [one, two, free] = await Promise.all([
    paced(),
    paced(),
    succeed(["boot", "--headless", "--json", "--for", "3"]),
  ]);
  assert(one!.hostSeconds >= 3, `3 s of virtual time took ${one!.hostSeconds} s here`);
  assertEquals(hashOf(one!), hashOf(two!));
  assertEquals(hashOf(free!), hashOf(one!));
});

Deno.test("a machine file that says what the shipped one says gives the same event log", async () => {
  using folder = new TemporaryFolder();
  const file = folder.write("mine.json", changedMachine("helios", () => {}));
  const [own, shipped] = await Promise.all([
    helios(["boot", "--machine", file, "--exec", "ps"]),
    helios(["boot", "--exec", "ps"]),
  ]);
  assertEquals(hashOf(own!), hashOf(shipped!));
});
