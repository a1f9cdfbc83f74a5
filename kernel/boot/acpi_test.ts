/**
 * The boot loader's view of ACPI: our firmware's tables, damaged ones, and those
 * that the reference compiler `iasl` makes.
 *
 * Tables are read from a 1 MiB image of low memory, as they would be after power-on.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { acpiTables, type PlatformFacts, tablesAddress } from "../../hw/acpi/tables.ts";
import { type AcpiTables, domainsOf, readAcpiTables } from "./acpi.ts";
import { parseMadt, parseSlit, parseSrat } from "./acpi_tables.ts";

const opteron: PlatformFacts = {
  cpus: [0, 1, 2, 3].map((apicId) => ({ apicId, domain: apicId >> 1 })),
  localApicAddress: 0xfee00000,
  ioApic: { id: 4, address: 0xfec00000, firstInterrupt: 0 },
  affinity: {
    memory: [
      { domain: 0, base: 0, length: 0xa0000 },
      { domain: 0, base: 0x100000, length: 0x3ff00000 },
      { domain: 1, base: 0x40000000, length: 0x40000000 },
    ],
    distances: [[10, 14], [14, 10]],
  },
  ecam: { base: 0xe0000000, busCount: 16 },
  memoryMap: [
    { base: 0, length: 0xa0000, type: 1 },
    { base: 0xe0000, length: 0x10000, type: 3 },
    { base: 0xf0000, length: 0x10000, type: 2 },
    { base: 0x100000, length: 0x7ff00000, type: 1 },
  ],
};

function imageOf(facts: PlatformFacts): Uint8Array {
  const image = new Uint8Array(0x100000);
  for (const { address, bytes } of acpiTables(facts)) image.set(bytes, address);
  return image;
}

const readImage = (image: Uint8Array): AcpiTables =>
  readAcpiTables((address, length) =>
    address + length <= image.length ? image.slice(address, address + length) : undefined
  );

/** Where the table with that signature begins. */
function find(image: Uint8Array, signature: string): number {
  for (let address = tablesAddress; address < 0x100000; address += 16) {
    if (String.fromCharCode(...image.subarray(address, address + signature.length)) === signature) {
      return address;
    }
  }
  throw new Error(`no ${signature} in the image`);
}

function resum(table: Uint8Array, checksumAt = 9): void {
  table[checksumAt] = 0;
  table[checksumAt] = -table.reduce((sum, byte) => sum + byte, 0);
}

Deno.test("the firmware's tables tell CPUs, domains, memory, distances, I/O APIC and ECAM", () => {
  const tables = readImage(imageOf(opteron));
  assertEquals(tables.refused, []);
  assertEquals(tables.madt, {
    localApicAddress: 0xfee00000,
    cpus: [0, 1, 2, 3].map((id) => ({ processorId: id, apicId: id })),
    ioApics: [opteron.ioApic],
    overrides: [],
  });
  assertEquals(tables.slit, [[10, 14], [14, 10]]);
  assertEquals(tables.mcfg, [{ base: 0xe0000000, segment: 0, firstBus: 0, lastBus: 15 }]);
  assertEquals(tables.memoryMap, opteron.memoryMap);
  assertEquals(domainsOf(tables, 0), [
    {
      domain: 0,
      cpus: [0, 1],
      memory: [{ base: 0, length: 0xa0000 }, { base: 0x100000, length: 0x3ff00000 }],
    },
    { domain: 1, cpus: [2, 3], memory: [{ base: 0x40000000, length: 0x40000000 }] },
  ]);
});

Deno.test("without an SRAT all CPUs and all RAM are one domain", () => {
  const tables = readImage(imageOf({ ...opteron, affinity: undefined }));
  assertEquals(tables.refused, []);
  assertEquals(domainsOf(tables, 0), [
    {
      domain: 0,
      cpus: [0, 1, 2, 3],
      memory: [{ base: 0, length: 0xa0000 }, { base: 0x100000, length: 0x7ff00000 }],
    },
  ]);
});

Deno.test("one flipped byte refuses exactly the table that it is in, with a reason", () => {
  const signatures = ["APIC", "SRAT", "SLIT", "MCFG"] as const;
  fc.assert(
    fc.property(
      fc.constantFrom(...signatures),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (signature, at, flip) => {
        const image = imageOf(opteron);
        const start = find(image, signature);
        const length = image[start + 4]! | image[start + 5]! << 8;
        // The first 8 bytes, signature and length, are the business of the next test.
        image[start + 8 + at % (length - 8)]! ^= flip;
        const tables = readImage(image);
        assertEquals(tables.refused, [`${signature} at 0x${start.toString(16)} refused: checksum is wrong`]);
        const left = { APIC: tables.madt, SRAT: tables.srat, SLIT: tables.slit, MCFG: tables.mcfg };
        for (const other of signatures) assertEquals(left[other] === undefined, other === signature);
      },
    ),
  );
});

Deno.test("no damage to low memory makes the reader throw", () => {
  const clean = imageOf(opteron);
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(0x400), fc.nat(255)), { maxLength: 20 }), (damage) => {
    const image = clean.slice();
    for (const [offset, value] of damage) {
      image[(offset % 4 === 0 ? 0xf0000 - 0xe0000 + offset % 36 : offset) + 0xe0000] = value;
    }
    const tables = readImage(image);
    assert(domainsOf(tables, 0).length >= 1);
  }));
});

Deno.test("a refused SRAT gives one domain", () => {
  const image = imageOf(opteron);
  image[find(image, "SRAT") + 60]! ^= 1;
  assertEquals(domainsOf(readImage(image), 0).map(({ domain, cpus }) => [domain, cpus.length]), [[0, 4]]);
});

Deno.test("the RSDT serves when the XSDT is damaged, and when the RSDP is of ACPI 1.0", () => {
  const damaged = imageOf(opteron);
  damaged[find(damaged, "XSDT") + 20]! ^= 1;
  const tables = readImage(damaged);
  assertEquals(tables.refused.length, 1);
  assert(tables.refused[0]!.startsWith("XSDT at "), tables.refused[0]);
  assertEquals(domainsOf(tables, 0).length, 2);
  const old = imageOf(opteron);
  const root = old.subarray(0xf0000, 0xf0000 + 20);
  root[15] = 0;
  resum(root, 8);
  old.fill(0xee, 0xf0000 + 20, 0xf0000 + 36);
  assertEquals([readImage(old).refused, domainsOf(readImage(old), 0).length], [[], 2]);
});

Deno.test("an RSDP with a wrong sum is passed over, and one in the EBDA is found", () => {
  const image = imageOf(opteron);
  image.copyWithin(0x9fc00 + 0x20, 0xf0000, 0xf0000 + 36);
  image[0xf0000 + 33] = 1;
  assertEquals(readImage(image).madt, undefined);
  assert(readImage(image).refused[0]!.includes("extended checksum"));
  new DataView(image.buffer).setUint16(0x40e, 0x9fc0, true);
  assertEquals(readImage(image).madt?.cpus.length, 4);
});

Deno.test("pointers to nowhere are refused, not followed", () => {
  const image = imageOf(opteron);
  const xsdt = find(image, "XSDT");
  const table = image.subarray(xsdt, xsdt + 36 + 8 * 4);
  new DataView(image.buffer).setUint32(xsdt + 36, 0x7fffff00, true);
  resum(table);
  const { refused, madt, srat } = readImage(image);
  assertEquals(refused, ["table at 0x7fffff00 refused: no readable table there"]);
  assertEquals([madt === undefined, srat === undefined], [true, false]);
});

Deno.test("empty memory gives the boot processor and reasons, no tables", () => {
  const tables = readImage(new Uint8Array(0x100000));
  assertEquals(tables.refused.length, 2);
  assertEquals(domainsOf(tables, 7), [{ domain: 0, cpus: [7], memory: [] }]);
});

/** An SRAT of raw entries. */
function srat(revision: number, entries: readonly (readonly number[])[]): Uint8Array {
  const body = entries.flat();
  const bytes = new Uint8Array(48 + body.length);
  bytes.set([0x53, 0x52, 0x41, 0x54]);
  bytes.set(body, 48);
  new DataView(bytes.buffer).setUint32(4, bytes.length, true);
  bytes[8] = revision;
  resum(bytes);
  return bytes;
}

const cpuEntry = (
  apicId: number,
  low: number,
  high: number,
  enabled = 1,
) => [0, 16, low, apicId, enabled, 0, 0, 0, 0, high, 0, 0, 0, 0, 0, 0];

Deno.test("an SRAT entry that is not enabled is ignored and an unknown type is skipped by its length", () => {
  const unknown = [2, 24, ...new Array(22).fill(0xff)];
  const result = parseSrat(srat(2, [cpuEntry(0, 0, 0), unknown, cpuEntry(1, 1, 0, 0), cpuEntry(2, 1, 0)]));
  assertEquals(result.ok && result.value.cpus, [{ apicId: 0, domain: 0 }, { apicId: 2, domain: 1 }]);
});

Deno.test("an SRAT entry of length 0, or one past the end, ends the walk", () => {
  for (const bad of [[0, 0, 0, 0], [0, 200, 0, 0]]) {
    const result = parseSrat(srat(2, [cpuEntry(0, 0, 0), bad, cpuEntry(1, 1, 0)]));
    assertEquals(result.ok && result.value.cpus.length, 1);
  }
});

Deno.test("an SRAT of revision 1 has 8-bit domains and one of revision 2 has 32-bit domains", () => {
  const domains = (revision: number) => {
    const result = parseSrat(srat(revision, [cpuEntry(0, 3, 0x5a)]));
    return result.ok ? result.value.cpus.map(({ domain }) => domain) : result.reason;
  };
  assertEquals(domains(1), [3]);
  assertEquals(domains(2), [0x5a03]);
});

Deno.test("a CPU or RAM without an SRAT entry is in domain 0", () => {
  const facts = imageOf({
    ...opteron,
    affinity: { memory: [{ domain: 1, base: 0x40000000, length: 0x10000000 }], distances: [[10]] },
    cpus: [0, 1, 2].map((apicId) => ({ apicId, domain: 1 })),
  });
  const start = find(facts, "SRAT");
  const length = facts[start + 4]!;
  facts[start + 48 + 4] = 0; // CPU 0 is no longer enabled there
  resum(facts.subarray(start, start + length));
  assertEquals(domainsOf(readImage(facts), 0), [
    {
      domain: 0,
      cpus: [0],
      memory: [
        { base: 0, length: 0xa0000 },
        { base: 0x100000, length: 0x3ff00000 },
        { base: 0x50000000, length: 0x30000000 },
      ],
    },
    { domain: 1, cpus: [1, 2], memory: [{ base: 0x40000000, length: 0x10000000 }] },
  ]);
});

Deno.test("an SLIT whose rows do not fit is refused", () => {
  const bytes = new Uint8Array(44 + 3);
  bytes.set([0x53, 0x4c, 0x49, 0x54]);
  bytes[4] = bytes.length;
  bytes[36] = 2;
  resum(bytes);
  assertEquals(parseSlit(bytes), { ok: false, reason: "2 localities do not fit its length of 47" });
});

/** What the reference compiler makes of its own template, or undefined if it is not installed. */
async function compiledTemplate(signature: string): Promise<Uint8Array | undefined> {
  const directory = await Deno.makeTempDir();
  const run = async (...args: string[]) =>
    (await new Deno.Command("iasl", { args, cwd: directory, stdout: "null", stderr: "null" }).output())
      .success;
  try {
    assert(await run("-p", "table", "-T", signature));
    const source = [...Deno.readDirSync(directory)].map(({ name }) => name).find((name) =>
      name.endsWith(".asl")
    );
    assert(await run("-p", "table", source!));
    return await Deno.readFile(`${directory}/table.aml`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const compiler = await compiledTemplate("SRAT") === undefined ? "missing" : "present";
const skipped = compiler === "missing";
const suffix = skipped ? " (skipped: iasl of acpica-tools is not installed)" : "";

Deno.test({
  name: `an SRAT, an SLIT and a MADT that iasl compiled are parsed${suffix}`,
  ignore: skipped,
  fn: async () => {
    const srat = parseSrat((await compiledTemplate("SRAT"))!);
    assert(srat.ok && srat.value.cpus.length + srat.value.memory.length > 0, JSON.stringify(srat));
    const slit = parseSlit((await compiledTemplate("SLIT"))!);
    assert(slit.ok && slit.value.every((row, index) => row[index] === 10), JSON.stringify(slit));
    const madt = parseMadt((await compiledTemplate("APIC"))!);
    assert(madt.ok, JSON.stringify(madt));
    const { cpus, ioApics, overrides } = madt.value;
    assertEquals([cpus.length, ioApics.length, overrides.length], [1, 1, 1]);
  },
});
