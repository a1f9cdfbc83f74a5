/**
 * The boot loader on every shipped machine: tables from its memory, functions of its
 * bus, as the coordinator will find them.
 * - Boards are given 20 ms, after which they answer configuration cycles.
 */

import { assertEquals } from "@std/assert";
import { assembleMachine } from "../../hw/machine/assemble.ts";
import { parseMachineDescription, readMachineDescription } from "../../hw/machine/description.ts";
import { shippedMachines } from "../../hw/machines/machines.ts";
import { BusFault } from "../../hw/memory/bus_target.ts";
import { silentLog } from "../../hw/time/event_log.ts";
import { EventQueue } from "../../hw/time/event_queue.ts";
import { milliseconds } from "../../hw/time/time.ts";
import { domainsOf, readAcpiTables } from "./acpi.ts";
import { enumeratePci } from "./pci_enumeration.ts";

type Result = ReturnType<typeof parseMachineDescription>;

function boot(result: Result) {
  if (!result.ok) throw new Error(result.error);
  const queue = new EventQueue();
  const machine = assembleMachine(result.description, { queue, log: silentLog, medium: undefined });
  machine.powerOn({ runHost() {}, runCard() {} });
  queue.runUntil(milliseconds(20) as number as typeof queue.now);
  const { space } = machine.host;
  const tables = readAcpiTables((address, length) => {
    try {
      return space.read(address, length);
    } catch (fault) {
      if (fault instanceof BusFault) return undefined;
      throw fault;
    }
  });
  const at = (device: number, fn: number, offset: number) =>
    tables.mcfg![0]!.base + device * 0x8000 + fn * 0x1000 + offset;
  const pci = enumeratePci({
    read32: (_, device, fn, offset) => space.read32(at(device, fn, offset)),
    write32: (_, device, fn, offset, value) => space.write32(at(device, fn, offset), value),
  }, { memory: { base: 0xc0000000, size: 0x20000000 }, io: { base: 0xc000, size: 0x4000 } });
  return { tables, domains: domainsOf(tables, 0), pci };
}

const shape = (result: Result) =>
  boot(result).domains.map(({ cpus, memory }) => [cpus.join(","), memory.at(-1)!.length]);

const expected: Readonly<Record<string, [string, number][]>> = {
  "helios": [["0,1", 0x3ff00000], ["2,3", 0x40000000]],
  "core2-iop348": [["0,1", 0x7ff00000]],
  "opteron-numa": [["0,1", 0x3ff00000], ["2,3", 0x40000000]],
  "opteron-interleaved": [["0,1,2,3", 0x7ff00000]],
};

for (const [name, json] of shippedMachines) {
  Deno.test(`${name}: its tables are accepted and give the domains of its description`, () => {
    const result = readMachineDescription(json, name);
    assertEquals(boot(result).tables.refused, []);
    assertEquals(shape(result), expected[name]!);
  });

  Deno.test(`${name}: enumeration finds its devices and gives each its addresses and interrupt`, () => {
    const result = readMachineDescription(json, name);
    const { pci } = boot(result);
    assertEquals([pci.notReady, pci.problems], [[], []]);
    const devices = result.ok ? result.description.devices : [];
    assertEquals(pci.functions.map(({ device }) => device), devices.map(({ slot }) => slot));
    for (const { device, interruptLine, interruptPin } of pci.functions) {
      assertEquals([interruptPin, interruptLine], [1, 16 + device % 4]);
    }
    const board = pci.functions.find(({ deviceId }) => deviceId === 0x3310);
    assertEquals(board?.bars.map(({ size }) => size), board && [0x2000, 0x10000000]);
  });
}

Deno.test("a NUMA machine whose file omits the SRAT looks like one domain", () => {
  const json = structuredClone(shippedMachines.get("opteron-numa")) as { acpi: { srat: boolean } };
  json.acpi.srat = false;
  const { tables, domains } = boot(readMachineDescription(json, "mine"));
  assertEquals([tables.srat, tables.slit], [undefined, undefined]);
  assertEquals(domains.map(({ cpus }) => cpus), [[0, 1, 2, 3]]);
});
