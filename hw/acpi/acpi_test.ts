/**
 * The firmware's structures: formats without holes, values that fit, sums that hold.
 *
 * What the tables mean is tested where they are read: kernel/boot/acpi_test.ts.
 */

import { assertEquals, assertThrows } from "@std/assert";
import * as formats from "./formats.ts";
import { encode, setChecksum, sizeOf, type StructureFormat } from "./structure.ts";

const structures = Object.values(formats).filter((value): value is typeof value & StructureFormat =>
  "fields" in value
);

for (const format of structures as readonly StructureFormat[]) {
  Deno.test(`${format.title} has no gaps and no overlaps`, () => {
    let next = 0;
    for (const [name, [offset, type]] of Object.entries(format.fields)) {
      assertEquals(offset, next, name);
      next += sizeOf(type);
    }
    assertEquals(next, format.size);
  });
}

Deno.test("an encoded structure holds little-endian numbers, padded texts and zeros", () => {
  const bytes = encode(formats.mcfgAllocation, { base: 0x1_2345_6789, segment: 2, firstBus: 3, lastBus: 4 });
  assertEquals(bytes, Uint8Array.of(0x89, 0x67, 0x45, 0x23, 1, 0, 0, 0, 2, 0, 3, 4, 0, 0, 0, 0));
  const format = { title: "name", size: 4, fields: { name: [0, "ascii4"] } } as const;
  assertEquals(encode(format, { name: "AB" }), Uint8Array.of(0x41, 0x42, 0x20, 0x20));
});

Deno.test("a value that does not fit its field throws and names the field", () => {
  const entry = { base: 0, segment: 0x10000, firstBus: 0, lastBus: 0 };
  assertThrows(() => encode(formats.mcfgAllocation, entry), Error, "segment");
  assertThrows(() => encode(formats.mcfgAllocation, { ...entry, segment: -1 }), Error, "segment");
});

Deno.test("a checksum makes the bytes before its end sum to zero, whatever stood there", () => {
  const bytes = Uint8Array.of(200, 100, 77, 9);
  setChecksum(bytes, 2, 3);
  assertEquals(bytes, Uint8Array.of(200, 100, 212, 9));
});
