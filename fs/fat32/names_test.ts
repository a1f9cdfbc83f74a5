/**
 * Names, long names, timestamps and the tables of structures, each by itself.
 *
 * Known values are those of the FAT32 specification and of names that mtools made.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { freshDevice, TestDisk } from "./disk_bench_test.ts";
import {
  bootSector,
  directoryEntry,
  type DiskStructure,
  informationSector,
  longNameEntry,
  partitionEntry,
} from "./layout.ts";
import { LongNameReader, longNameSlots, shortNameChecksum } from "./long_name.ts";
import { exactShortName, fold, isAllowed, numberedShortName, shortBasis, shortNameText } from "./names.ts";
import { fatTimestamp } from "./timestamp.ts";

const ascii = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const numbered = (name: string, tail: number): string =>
  ascii(numberedShortName(shortBasis(name), tail).bytes);

Deno.test("fields of a structure neither overlap nor leave it", () => {
  const widths = { u8: 1, u16: 2, u32: 4 };
  const structures: DiskStructure[] = [
    bootSector,
    informationSector,
    directoryEntry,
    longNameEntry,
    partitionEntry,
  ];
  for (const { title, size, fields } of structures) {
    const taken = new Set<number>();
    for (const [name, field] of Object.entries(fields)) {
      const width = field[1] === "bytes" ? field[2] : widths[field[1]];
      for (let at = field[0]; at < field[0] + width; at++) {
        assert(at < size && !taken.has(at), `${name} of "${title}"`);
        taken.add(at);
      }
    }
  }
});

Deno.test("the first numbered short name of a long one is what other systems make", () => {
  assertEquals(numbered("Long file name.text", 1), "LONGFI~1TEX");
  assertEquals(numbered(".profile", 1), "PROFIL~1   ");
  assertEquals(numbered("a.b.c.tar.gz", 1), "ABCTAR~1GZ ");
  assertEquals(numbered("Größe der Datei", 12), "GR__E~12   ");
  assertEquals(numbered("+,;=[].x", 1), "______~1X  ");
  assertEquals(numbered("名前", 999_999), "_~999999   ");
});

Deno.test("a name that fits eight and three characters in one case needs no long name", () => {
  for (const name of ["A", "README.TXT", "readme.txt", "readme.TXT", "README.txt", "1", "A-B_C~1.$$$"]) {
    const short = exactShortName(name);
    assert(short !== undefined, name);
    assertEquals(shortNameText(short.bytes, short.caseFlags), name);
  }
  for (const name of ["Readme.txt", "toolongname", "a.text", "a.b.c", ".a", "a b", "é", "a+b"]) {
    assertEquals(exactShortName(name), undefined, name);
  }
});

Deno.test("the checksum of a short name is the specification's rotating sum", () => {
  assertEquals(shortNameChecksum(new TextEncoder().encode("FILENAMETXT")), referenceChecksum("FILENAMETXT"));
  assertEquals(shortNameChecksum(new TextEncoder().encode("LONGFI~1TEX")), referenceChecksum("LONGFI~1TEX"));
});

/** As in the specification: rotate right by one within eight bits, then add. */
function referenceChecksum(name: string): number {
  let sum = 0;
  for (let index = 0; index < 11; index++) {
    sum = sum % 2 * 128 + Math.floor(sum / 2) + name.charCodeAt(index);
    sum %= 256;
  }
  return sum;
}

Deno.test("any allowed name comes back from its long-name slots", () => {
  const short = numberedShortName({ base: "NAME", extension: "" }, 1).bytes;
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 255, unit: "grapheme" }), (name) => {
      fc.pre(isAllowed(name));
      const reader = new LongNameReader();
      for (const slot of longNameSlots(name, short)) reader.add(slot, 0);
      assertEquals(reader.take(short), name);
    }),
  );
});

Deno.test("slots out of order, missing, or of another short name give no long name", () => {
  const short = numberedShortName({ base: "NAME", extension: "" }, 1).bytes;
  const other = numberedShortName({ base: "NAME", extension: "" }, 2).bytes;
  const slots = longNameSlots("a name with more than two slots", short);
  const read = (order: readonly Uint8Array[], of: Uint8Array): string | undefined => {
    const reader = new LongNameReader();
    for (const slot of order) reader.add(slot, 0);
    return reader.take(of);
  };
  assertEquals(read(slots, short), "a name with more than two slots");
  assertEquals(read(slots, other), undefined);
  assertEquals(read(slots.slice(1), short), undefined);
  assertEquals(read(slots.slice(0, -1), short), undefined);
  assertEquals(read([slots[0]!, slots[2]!, slots[1]!], short), undefined);
  assertEquals(read([], short), undefined);
});

Deno.test("names are folded one UTF-16 unit at a time, so that no name changes its length", () => {
  assertEquals(fold("straße ÄÖ ñ"), "STRAßE ÄÖ Ñ");
});

Deno.test("hundreds of names with one beginning get different short names", () => {
  const disk = new TestDisk(freshDevice());
  for (let index = 0; index < 300; index++) disk.create(`/message number ${index}`, new Uint8Array(0));
  // Each can be opened by its short name, too: the first nine have one digit, and so on.
  for (const short of ["MESSAG~1", "MESSAG~9", "MESSA~10", "MESS~300"]) disk.read(`/${short}`);
});

Deno.test("virtual time becomes a date that counts leap years", () => {
  const dayNs = 86_400e9;
  const date = (days: number): string => {
    const stamp = fatTimestamp(days * dayNs);
    return `${(stamp.date >>> 9) + 1980}-${stamp.date >>> 5 & 15}-${stamp.date & 31}`;
  };
  assertEquals([0, 21, 82, 871, 872].map(date), [
    "2009-10-11",
    "2009-11-1",
    "2010-1-1",
    "2012-2-29",
    "2012-3-1",
  ]);
  const late = fatTimestamp((13 * 3600 + 45 * 60 + 59) * 1e9 + 0.25e9);
  assertEquals([late.time >>> 11, late.time >>> 5 & 63, (late.time & 31) * 2, late.hundredths], [
    13,
    45,
    58,
    125,
  ]);
});
