/**
 * Enumeration of a modelled bus through ECAM and through ports CF8h/CFCh, with
 * devices of random shape.
 * - Every byte of a BAR reads as a tag, so that a test sees which one answers.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { PciBus } from "../../hw/pci/bus.ts";
import type { BarDefinition, PciDevice } from "../../hw/pci/device.ts";
import { configurationPorts, ecamTarget, type PciBuses } from "../../hw/pci/host_bridge.ts";
import { AddressSpace } from "../../hw/memory/address_space.ts";
import { silentLog } from "../../hw/time/event_log.ts";
import { EventQueue } from "../../hw/time/event_queue.ts";
import type { ConfigurationSpace } from "./pci_access.ts";
import { enumeratePci } from "./pci_enumeration.ts";

const windows = { memory: { base: 0xc0000000, size: 0x20000000 }, io: { base: 0xc000, size: 0x4000 } };
const identity = { vendorId: 0x1095, deviceId: 0x3114, classCode: 0x010400, revisionId: 2, interruptPin: 1 };

function newBus(): PciBus {
  return new PciBus({
    name: "pci0",
    clock: new EventQueue(),
    log: silentLog,
    timing: { bytesPerSecond: 133e6, transactionLatencyNs: 300 },
    memory: new AddressSpace("host"),
    translate: (address) => address,
    interruptLine: () => ({ set() {} }),
    firmware: { cacheLineSize: 16, interruptNumber: (device, pin) => 16 + (device + pin - 1) % 4 },
  });
}

function attach(
  bus: PciBus,
  slot: number,
  bars: readonly BarDefinition[],
  more: Partial<PciDevice> = {},
): void {
  bus.attach(slot, () => ({ name: `device${slot}`, identity, bars, ...more }));
}

/** A BAR whose every byte reads as `tag`. */
function bar(index: number, kind: BarDefinition["kind"], size: number, tag = 0): BarDefinition {
  return {
    index,
    kind,
    size,
    prefetchable: false,
    target: { read: (_, into) => void into.fill(tag), write() {} },
  };
}

const mapped = (size: number, target: AddressSpace["mappings"][number]["target"]) => {
  const space = new AddressSpace("bench");
  space.map({ name: "target", base: 0, size, target, readLatencyNs: 0, writeLatencyNs: 0 });
  return space;
};

function overEcam(buses: PciBuses): ConfigurationSpace {
  const space = mapped(0x1000000, ecamTarget(buses));
  const at = (bus: number, device: number, fn: number, offset: number) =>
    bus << 20 | device << 15 | fn << 12 | offset;
  return {
    read32: (bus, device, fn, offset) => space.read32(at(bus, device, fn, offset)),
    write32: (bus, device, fn, offset, value) => space.write32(at(bus, device, fn, offset), value),
  };
}

function overPorts(buses: PciBuses): ConfigurationSpace {
  const space = mapped(8, configurationPorts(buses));
  const select = (bus: number, device: number, fn: number, offset: number) =>
    space.write32(0, (0x80000000 | bus << 16 | device << 11 | fn << 8 | offset) >>> 0);
  return {
    read32(bus, device, fn, offset) {
      select(bus, device, fn, offset);
      return space.read32(4);
    },
    write32(bus, device, fn, offset, value) {
      select(bus, device, fn, offset);
      space.write32(4, value);
    },
  };
}

for (const [way, accessOf] of [["ECAM", overEcam], ["ports CF8h/CFCh", overPorts]] as const) {
  Deno.test(`enumeration over ${way} finds each device with identity, BARs and interrupt`, () => {
    const bus = newBus();
    attach(bus, 3, [bar(0, "memory32", 0x20000), bar(2, "io", 8)]);
    attach(bus, 5, [bar(0, "memory64", 0x2000), bar(2, "memory64", 0x10000000)]);
    const { functions, notReady, problems } = enumeratePci(accessOf(new Map([[0, bus]])), windows);
    assertEquals([notReady, problems], [[], []]);
    assertEquals(
      functions.map(({ location, interruptLine, interruptPin }) => [location, interruptLine, interruptPin]),
      [
        ["0:3.0", 19, 1],
        ["0:5.0", 17, 1],
      ],
    );
    const [first, second] = functions;
    assertEquals([first!.vendorId, first!.deviceId, first!.classCode, first!.revisionId], [
      0x1095,
      0x3114,
      0x010400,
      2,
    ]);
    assertEquals(first!.bars, [
      { index: 0, kind: "memory32", prefetchable: false, base: 0xd0000000, size: 0x20000 },
      { index: 2, kind: "io", prefetchable: false, base: 0xc000, size: 8 },
    ]);
    assertEquals(second!.bars.map(({ base, size }) => [base, size]), [[0xd0020000, 0x2000], [
      0xc0000000,
      0x10000000,
    ]]);
    assertEquals([bus.read(3, 0, 4, 2), bus.read(5, 0, 4, 2)], [0b111, 0b110]);
  });
}

Deno.test("any set of devices gets aligned, disjoint addresses in the windows, and answers there", () => {
  const shape = fc.record({
    kind: fc.constantFrom("io" as const, "memory32" as const, "memory64" as const),
    log: fc.integer({ min: 4, max: 20 }),
  });
  const device = fc.array(shape, { maxLength: 3 });
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.nat(31), { maxLength: 6 }),
      fc.array(device, { minLength: 6, maxLength: 6 }),
      (slots, shapes) => {
        const bus = newBus();
        slots.forEach((slot, position) => {
          const bars = shapes[position]!.map(({ kind, log }, place) =>
            bar(2 * place, kind, 2 ** (kind === "io" ? Math.min(log, 8) : log), 8 * position + place + 1)
          );
          attach(bus, slot, bars);
        });
        const { functions, problems } = enumeratePci(overEcam(new Map([[0, bus]])), windows);
        assertEquals(problems, []);
        assertEquals(functions.map(({ device }) => device), slots.toSorted((a, b) => a - b));
        const ranges: { space: string; base: number; end: number }[] = [];
        for (const found of functions) {
          const position = slots.indexOf(found.device);
          assertEquals(found.bars.length, shapes[position]!.length);
          for (const { index, kind, base, size } of found.bars) {
            const window = kind === "io" ? windows.io : windows.memory;
            assertEquals(base % size, 0);
            assert(base >= window.base && base + size <= window.base + window.size);
            ranges.push({ space: kind === "io" ? "io" : "memory", base, end: base + size });
            const into = new Uint8Array(1);
            (kind === "io" ? bus.ioWindow(0) : bus.memoryWindow(0)).read(base + size - 1, into);
            assertEquals(into[0], 8 * position + index / 2 + 1, "the right BAR answers at its last byte");
          }
        }
        for (const a of ranges) {
          for (const b of ranges) {
            assert(a === b || a.space !== b.space || a.end <= b.base || b.end <= a.base);
          }
        }
      },
    ),
  );
});

Deno.test("enumerating twice gives the same addresses", () => {
  const bus = newBus();
  attach(bus, 3, [bar(0, "memory32", 0x20000), bar(1, "io", 16)]);
  const access = overEcam(new Map([[0, bus]]));
  assertEquals(enumeratePci(access, windows), enumeratePci(access, windows));
});

Deno.test("a BAR that finds no room is reported and its function stays off", () => {
  const bus = newBus();
  attach(bus, 1, [bar(0, "memory32", 0x40000000), bar(1, "memory32", 0x1000)]);
  attach(bus, 2, [bar(0, "memory32", 0x1000)]);
  const { problems, functions } = enumeratePci(overEcam(new Map([[0, bus]])), windows);
  assertEquals(problems, [
    "0:1.0 BAR0 of 1073741824 bytes found no room in memory window 0xc0000000 of 536870912 bytes",
  ]);
  assertEquals(functions.map(({ bars }) => bars.length), [1, 1]);
  assertEquals([bus.read(1, 0, 4, 2), bus.read(2, 0, 4, 2)], [0, 0b110]);
});

Deno.test("a function that answers Retry is listed as not ready, not set up, and found once it is", () => {
  const bus = newBus();
  let retry = true;
  attach(bus, 5, [bar(0, "memory32", 0x1000)], { configurationRetry: () => retry });
  const access = overEcam(new Map([[0, bus]]));
  const first = enumeratePci(access, windows);
  assertEquals([first.notReady, first.functions], [["0:5.0"], []]);
  retry = false;
  assertEquals(enumeratePci(access, windows).functions.length, 1);
});

/** Eight functions that are nothing but registers; those that are undefined are absent. */
function plainFunctions(
  headers: readonly (number | undefined)[],
): ConfigurationSpace & { asked: Set<number> } {
  const asked = new Set<number>();
  return {
    asked,
    read32(_, device, fn, offset) {
      if (device !== 0 || headers[fn] === undefined) return 0xffffffff;
      asked.add(fn);
      return offset === 0 ? 0x12348086 : offset === 0x0c ? headers[fn] << 16 : 0;
    },
    write32() {},
  };
}

Deno.test("functions 1 to 7 are looked for only in a multifunction device, and bridges are reported", () => {
  const single = plainFunctions([0x00, 0x00]);
  assertEquals(enumeratePci(single, windows).functions.map(({ location }) => location), ["0:0.0"]);
  assertEquals([...single.asked], [0]);
  const multiple = enumeratePci(plainFunctions([0x80, undefined, 0x00, 0x01]), windows);
  assertEquals(multiple.functions.map(({ location }) => location), ["0:0.0", "0:0.2"]);
  assertEquals(multiple.problems, ["0:0.3 has header type 1, only devices (0) are set up"]);
});

Deno.test("bytes and words of configuration space are written alone: a command write leaves status as it is", () => {
  const bus = newBus();
  attach(bus, 3, []);
  const space = mapped(0x1000000, ecamTarget(new Map([[0, bus]])));
  const at = 3 << 15;
  space.write(at + 0x3c, Uint8Array.of(11));
  assertEquals(space.read(at + 0x3c, 2), Uint8Array.of(11, 1));
  space.write(at + 4, Uint8Array.of(4, 0));
  assertEquals(space.read(at + 4, 2), Uint8Array.of(4, 0));
  assertEquals(space.read32(at + 0x100), 0, "no extended capabilities");
  assertEquals(space.read32((4 << 15) + 0x100), 0xffffffff);
});
