/**
 * DRAM against a plain array: sparse chunks, overlays and defects.
 *
 * The property test reads and writes at random places over chunk and overlay
 * borders; everything else states one promise of the block.
 */

import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { BusFault } from "./bus_target.ts";
import { DramBlock, type DramDefect } from "./dram.ts";

const base = 0x4000_0000;

function block(size: number, defects: readonly DramDefect[] = []): DramBlock {
  return new DramBlock({ name: "dram1", domain: 1, base, size, latencyNs: 65, defects });
}

function readBack(dram: DramBlock, offset: number, length: number): Uint8Array {
  const into = new Uint8Array(length).fill(0xee);
  dram.read(offset, into);
  return into;
}

Deno.test("dram reads zeros where nothing was written, also across chunks", () => {
  assertEquals(readBack(block(0x4000_0000), 0xfffc, 8), new Uint8Array(8));
});

Deno.test("dram behaves as one array of bytes, with or without an overlay in it", () => {
  const size = 3 * 65536;
  const access = fc.record({
    offset: fc.nat(size - 1),
    length: fc.integer({ min: 1, max: 70000 }),
    fill: fc.nat(255),
  });
  fc.assert(
    fc.property(fc.array(access, { maxLength: 12 }), fc.boolean(), (accesses, overlaid) => {
      const dram = block(size);
      const elsewhere = new Uint8Array(9000);
      if (overlaid) {
        const start = base + 65000;
        dram.overlay(start, elsewhere.length, {
          read: (address, into) =>
            into.set(elsewhere.subarray(address - start, address - start + into.length)),
          write: (address, from) => elsewhere.set(from, address - start),
        });
      }
      const model = new Uint8Array(size);
      for (const { offset, length, fill } of accesses) {
        const bytes = new Uint8Array(Math.min(length, size - offset)).map((_, index) => fill + index);
        dram.write(offset, bytes);
        model.set(bytes, offset);
      }
      assertEquals(readBack(dram, 0, size), model);
    }),
    { numRuns: 40 },
  );
});

Deno.test("dram refuses an overlay that leaves the block or hits another one", () => {
  const dram = block(65536);
  const backing = { read() {}, write() {} };
  dram.overlay(base + 4096, 4096, backing);
  assertThrows(() => dram.overlay(base + 8191, 1, backing), Error, "another overlay");
  assertThrows(() => dram.overlay(base + 65535, 2, backing), Error, "outside the block");
});

Deno.test("dram with a defect reads one byte wrong and all others right", () => {
  const dram = block(65536, [{ address: base + 10, xor: 0x81 }]);
  dram.write(8, Uint8Array.of(1, 2, 3, 4));
  assertEquals(readBack(dram, 8, 4), Uint8Array.of(1, 2, 0x82, 4));
  assertEquals(readBack(dram, 10, 1), Uint8Array.of(0x82));
});

Deno.test("dram faults on an access that runs out of it", () => {
  assertThrows(() => block(65536).write(65534, new Uint8Array(4)), BusFault, "run out");
});

Deno.test("dram gives the bytes themselves where nothing else answers, and only there", () => {
  const dram = block(0x4_0000, [{ address: base + 100, xor: 1 }]);
  const window = dram.window(0x1_0200, 512)!;
  window[3] = 7;
  assertEquals(readBack(dram, 0x1_0203, 1), Uint8Array.of(7));
  dram.write(0x1_0204, Uint8Array.of(9));
  assertEquals(window[4], 9);
  dram.overlay(base + 0x2_0000, 64, { read() {}, write() {} });
  const refused = [
    dram.window(64, 64),
    dram.window(0xfff0, 32),
    dram.window(0x1_fff0, 32),
    dram.window(0x2_0000, 8),
  ];
  assertEquals(refused, [undefined, undefined, undefined, undefined]);
  assertThrows(() => dram.window(0x4_0000, 1), BusFault);
});
