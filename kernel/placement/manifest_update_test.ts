/**
 * The manifest that a build writes: complete for a new program, and careful with what people edited.
 *
 * - Every result is read again by the parser that kernels use.
 */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { IlHeader } from "../compiler/il.ts";
import { ManifestError, parseManifest } from "./manifest.ts";
import { updateManifest } from "./manifest_update.ts";

const header: IlHeader = {
  name: "Sample",
  doc: "A sample",
  entry: "apps/sample/main.ts",
  contracts: [
    { direction: "import", contractName: "TcpContract", contract: "tcp/1" },
    { direction: "export", contractName: "OwnContract", contract: "own/1", path: "/service/own" },
    { direction: "export", contractName: "LateContract", contract: "late/1" },
  ],
  parameters: [],
  devices: [{ vendorId: 0x8086, deviceId: 0x100e }],
  privileges: ["system"],
  isaMethods: [],
  modules: [],
};
const fresh = updateManifest(header, undefined).text;

function update(text: string, changed: Partial<IlHeader> = {}) {
  const result = updateManifest({ ...header, ...changed }, { file: "Sample.xml", text });
  parseManifest(result.text, "result");
  return result;
}

Deno.test("a new program's manifest holds its pipes, contracts, services with a path, devices and privileges", () => {
  assertEquals(
    fresh,
    `<?xml version="1.0" encoding="utf-8"?>
<application name="Sample" source="apps/sample/main.ts" runtime="Full">
  <endpoints>
    <inputPipe id="0" affinity="0" contractName="PipeContract" />
    <outputPipe id="1" affinity="0" contractName="PipeContract" />
    <endpoint id="2" affinity="0" contractName="TcpContract" />
  </endpoints>
  <services>
    <service contractName="OwnContract" path="/service/own" />
  </services>
  <devices>
    <device vendor="0x8086" device="0x100e" />
  </devices>
  <privileges>
    <privilege name="system" />
  </privileges>
</application>
`,
  );
  assertEquals(updateManifest(header, undefined).changes, ["new"]);
});

Deno.test("a manifest in which a person edited affinities, memory, order, comments and white space stays to the byte", () => {
  const edited = fresh
    .replace(
      'id="2" affinity="0" contractName="TcpContract"',
      "contractName='TcpContract'\n  affinity=\"-7\"",
    )
    .replace('runtime="Full"', 'memoryMiB="256" runtime="Full"')
    .replace("<services>", "<!-- <services> > -->\n\n  <services>\t")
    .replace('vendor="0x8086" device="0x100e"', 'device="4110" vendor="32902"')
    .replace(
      "  </endpoints>",
      '  <endpoint contractName="KernelControlContract" platform="xscale" affinity="5"/>\n' +
        '  <endpoint contractName="FarContract" affinity="-1"/></endpoints>',
    )
    .replaceAll("\n", "\r\n");
  assertEquals(update(edited), { text: edited, changes: [] });
});

Deno.test("what the program has now is added and what it no longer has is removed, nothing else moves", () => {
  const edited = fresh
    .replace('affinity="0" contractName="TcpContract"', 'affinity="0" contractName="OldContract"')
    .replace('id="0" affinity="0"', 'id="0" affinity="3"')
    .replace("<services>", "<services> <!-- ours -->");
  const { text, changes } = update(edited, {
    contracts: [
      { direction: "import", contractName: "UdpContract", contract: "udp/1" },
      { direction: "export", contractName: "OwnContract", contract: "own/1", path: "/service/other" },
    ],
    privileges: [],
  });
  assertEquals(changes, [
    "endpoint of OldContract removed",
    "service OwnContract at /service/own removed",
    "privilege system removed",
    "endpoint of UdpContract added",
    "service OwnContract at /service/other added",
  ]);
  assertEquals(
    text,
    edited
      .replace(
        'id="2" affinity="0" contractName="OldContract"',
        'id="2" affinity="0" contractName="UdpContract"',
      )
      .replace("/service/own", "/service/other")
      .replace('  <privileges>\n    <privilege name="system" />\n  </privileges>\n', ""),
  );
});

Deno.test("an affinity is a wish that outlives the program's own interest; an endpoint without one is not", () => {
  const wish = fresh.replace('affinity="0" contractName="Tcp', 'affinity="2" contractName="Tcp');
  const without = { contracts: header.contracts.slice(1) };
  assertEquals(update(wish, without), { text: wish, changes: [] });
  assertEquals(update(fresh, without).changes, ["endpoint of TcpContract removed"]);
});

Deno.test("a program that moved or was renamed has its name and source corrected in place", () => {
  const { text, changes } = update(fresh, { name: "Other", entry: "mine/a&b.ts" });
  assertEquals(changes, ["name is Other, was Sample", "source is mine/a&b.ts, was apps/sample/main.ts"]);
  assertStringIncludes(text, '<application name="Other" source="mine/a&amp;b.ts" runtime="Full">');
});

Deno.test("an empty manifest, however it is written, becomes a whole one", () => {
  const { devices, endpoints, privileges, services } = parseManifest(fresh, "fresh");
  for (
    const text of [
      '<application source="apps/sample/main.ts" name="Sample"/>',
      '<application name="Sample" source="apps/sample/main.ts"></application>',
      '<application name="Sample" source="apps/sample/main.ts">\n  <endpoints />\n  <devices></devices></application>\n',
    ]
  ) {
    const updated = update(text).text;
    const found = parseManifest(updated, "updated");
    assertEquals([found.devices, found.endpoints, found.privileges, found.services], [
      devices,
      endpoints,
      privileges,
      services,
    ]);
    assertEquals(update(updated), { text: updated, changes: [] });
  }
});

Deno.test("a manifest that cannot be read is refused with its place, not replaced", () => {
  const error = assertThrows(() => update(fresh.replace("</endpoints>", "")), ManifestError);
  assert(error.message.startsWith("Sample.xml:"), error.message);
});
