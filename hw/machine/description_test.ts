/**
 * Machine files that are wrong: each gives one line that names the file, the JSON
 * path, the value and what was expected.
 * Each case spoils the default machine in one place.
 */

import { assert, assertEquals } from "@std/assert";
import { shippedMachines } from "../machines/machines.ts";
import { parseMachineDescription } from "./description.ts";

type Json = { [key: string]: Json } & Json[];

/** The error for the default machine after `spoil` changed it. */
function errorAfter(spoil: (machine: Json) => void): string {
  const machine = structuredClone(shippedMachines.get("helios")) as Json;
  spoil(machine);
  const result = parseMachineDescription(JSON.stringify(machine), "mine.json");
  return result.ok ? "accepted" : result.error;
}

const set = (object: Json, key: string | number, value: unknown) => Reflect.set(object, key, value);

const cases: [string, (machine: Json) => void, string][] = [
  [
    "a wrong type",
    (m) => set(m["host"]!["cpus"]![1]!, "apicId", "x"),
    'host.cpus[1].apicId is "x", must be an integer from 0 to 254',
  ],
  [
    "a missing field",
    (m) => delete m["lan"]!["switchLatencyNs"],
    "lan.switchLatencyNs is missing, must be a number from 0",
  ],
  [
    "an unknown field",
    (m) => set(m["host"]!, "frequncyHz", 1),
    "host.frequncyHz is 1, must be absent: fields here are isa, frequencyHz",
  ],
  [
    "an unknown model",
    (m) => set(m["devices"]![0]!, "model", "ne2000"),
    'devices[0].model is "ne2000", must be one of intel-8254x, sii3114, iop348',
  ],
  [
    "a host of an ISA that only the card has",
    (m) => set(m["host"]!, "isa", "armv5te"),
    'host.isa is "armv5te", must be one of x86-core2, x86-k8',
  ],
  [
    "a card of an ISA that only hosts have",
    (m) => set(m["devices"]![2]!, "isa", "x86-k8"),
    'devices[2].isa is "x86-k8", must be armv5te',
  ],
  [
    "a figure out of range",
    (m) => set(m["host"]!["memory"]!, "localNs", { value: -1, source: "mine" }),
    "host.memory.localNs is",
  ],
  [
    "a figure with an empty source",
    (m) => set(m["host"]!["memory"]!, "localNs", { value: 1, source: "" }),
    "host.memory.localNs.source is",
  ],
  ["a multicast MAC address", (m) => set(m["devices"]![0]!, "macAddress", "01:00:00:00:00:01"), "unicast"],
  [
    "two CPUs of one APIC id",
    (m) => set(m["host"]!["cpus"]![3]!, "apicId", 0),
    "host.cpus[3].apicId is 0, must differ from host.cpus[0].apicId",
  ],
  [
    "a CPU in no domain",
    (m) => set(m["host"]!["cpus"]![3]!, "domain", 2),
    "host.cpus[3].domain is 2, must be below 2",
  ],
  [
    "a cache whose sets are no power of two",
    (m) => set(m["host"]!["caches"]!["l1"]!, "sizeKiB", 96),
    "host.caches.l1 has 768 sets of 2 ways, must have a power of two of sets, at least 32",
  ],
  [
    "a cache with fewer sets than lines in a sample",
    (m) => set(m["devices"]![2]!["caches"]!["l1"]!, "ways", 64),
    "devices[2].caches.l1 has 16 sets of 64 ways, must have a power of two of sets, at least 32",
  ],
  [
    "caches of two line sizes",
    (m) => set(m["host"]!["caches"]!["l2"]!, "lineBytes", 128),
    "host.caches.l2.lineBytes is 128, must be that of l1, 64",
  ],
  [
    "an L2 that is faster than the L1",
    (m) => set(m["host"]!["caches"]!["l2"]!, "hitCycles", 2),
    "host.caches.l2.hitCycles is 2, must be at least that of l1, 3",
  ],
  [
    "a core that waits for less than one miss at a time",
    (m) => set(m["host"]!["caches"]!, "missesAtOnce", 0.5),
    "host.caches.missesAtOnce is 0.5, must be a number from 1 to 64",
  ],
  ["a domain without CPUs", (m) => m["host"]!["cpus"]!.splice(2), "host.domains[1] has 0 CPUs"],
  [
    "too much memory",
    (m) => {
      const host = m["host"] as Record<string, unknown>;
      host["domains"] = Array.from({ length: 22 }, () => ({ memoryMiB: 3000 }));
      host["cpus"] = Array.from({ length: 22 }, (_, index) => ({ apicId: index, domain: index }));
    },
    "66000 MiB in all, must be at most 65536",
  ],
  [
    "interleaving with an SRAT",
    (m) => set(m["host"]!["memory"]!, "interleaved", true),
    "host.memory.interleaved is true",
  ],
  [
    "two domains and no remote latency",
    (m) => delete m["host"]!["memory"]!["remoteNs"],
    "host.memory.remoteNs is missing",
  ],
  [
    "two devices in one slot",
    (m) => set(m["devices"]![1]!, "slot", 3),
    "devices[1].slot is 3, must differ from devices[0].slot",
  ],
  [
    "two disks",
    (m) => m["devices"]![2]!["devices"]!.push({ ...m["devices"]![1]!, slot: 2 } as unknown as Json),
    "devices[2].devices[1].model",
  ],
  [
    "a kernel primitive that there is not",
    (m) => set(m["host"]!, "primitives", { dispatchlock: 1 }),
    "host.primitives.dispatchlock is 1, must be absent",
  ],
  [
    "a kernel primitive of negative cost",
    (m) => set(m["devices"]![2]!, "primitives", { dmaProgram: -1 }),
    "devices[2].primitives.dmaProgram is -1, must be a number from 0",
  ],
  ["a defect outside of memory", (m) => {
    set(m["devices"]![2]!, "memoryMiB", 64);
    set(m["devices"]![2]!, "dramFaults", [{ address: 2 ** 26, xor: 1 }]);
  }, "devices[2].dramFaults has address 67108864, must be below 67108864"],
];

for (const [what, spoil, expected] of cases) {
  Deno.test(`a machine file with ${what} is refused with file, path and value`, () => {
    const error = errorAfter(spoil);
    assert(error.startsWith('Cannot read machine "mine.json": '), error);
    assert(error.includes(expected), error);
    assert(!error.includes("\n"), error);
  });
}

Deno.test("a machine file that is not JSON is refused in one line", () => {
  const result = parseMachineDescription('{\n "name": ', "mine.json");
  assert(!result.ok && result.error.startsWith('Cannot read machine "mine.json": is not JSON'));
  assert(!result.error.includes("\n"));
});

Deno.test("a figure may be a plain number or a number with its source", () => {
  const machine = structuredClone(shippedMachines.get("helios")) as Json;
  set(machine["host"]!["memory"]!, "localNs", 70);
  const result = parseMachineDescription(JSON.stringify(machine), "mine.json");
  assert(result.ok);
  assertEquals(result.description.host.memory.localNs, 70);
  const figure = result.description.figures.find(({ path }) => path === "host.memory.localNs");
  assertEquals(figure, { path: "host.memory.localNs", value: 70, source: undefined });
  assertEquals(result.description.host.frequencyHz, 2e9);
});
