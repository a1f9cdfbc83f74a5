/**
 * Manifests as people write them: what is read from good ones, and how bad ones are refused.
 *
 * A refusal is one line that names the file, the place in it and the reason.
 */

import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ManifestError, parseManifest, parseSystemManifest } from "./manifest.ts";

const whole = `<?xml version="1.0" encoding="utf-8"?>
<application name="TcpTest" source="apps/tcp_test/main.ts" runtime="Full">
  <endpoints>
    <inputPipe id="0" affinity="0" contractName="PipeContract"/>
    <outputPipe id="1" affinity="0" contractName="PipeContract"/>
    <endpoint id="2" affinity="-1" contractName="TcpContract"/>
    <endpoint id="3" contractName="FileSystemContract"/>
    <endpoint id="4" affinity="5" contractName="KernelControlContract" platform="xscale"/>
  </endpoints>
  <services>
    <service contractName="TestContract" path="/service/test"/>
  </services>
  <devices>
    <device vendor="0x8086" device="0x100e"/>
  </devices>
  <privileges>
    <privilege name="system"/>
  </privileges>
</application>`;

Deno.test("a manifest gives endpoints with affinity (0 when absent), services, devices and privileges", () => {
  const endpoint = (contractName: string, affinity: number, platform?: string) => ({
    contractName,
    affinity,
    platform,
  });
  assertEquals(parseManifest(whole, "TcpTest.xml"), {
    name: "TcpTest",
    source: "apps/tcp_test/main.ts",
    endpoints: [
      endpoint("PipeContract", 0),
      endpoint("PipeContract", 0),
      endpoint("TcpContract", -1),
      endpoint("FileSystemContract", 0),
      endpoint("KernelControlContract", 5, "xscale"),
    ],
    services: [{ contractName: "TestContract", path: "/service/test" }],
    devices: [{ vendorId: 0x8086, deviceId: 0x100e }],
    privileges: ["system"],
  });
});

Deno.test("a manifest that asks for nothing is a manifest", () => {
  const { endpoints, services, devices, privileges } = parseManifest(
    `<application name="A" source="a.ts"/>`,
    "a.xml",
  );
  assertEquals([endpoints, services, devices, privileges], [[], [], [], []]);
});

Deno.test("every shipped manifest is accepted, and is called like its program", () => {
  const folder = new URL("../../manifests/", import.meta.url);
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".xml"));
  for (const name of names) {
    const text = Deno.readTextFileSync(new URL(name, folder));
    if (name === "system.xml") parseSystemManifest(text, name);
    else assertEquals(`${parseManifest(text, name).name}.xml`, name);
  }
});

const application = (inside: string) => `<application name="A" source="a.ts">\n${inside}\n</application>`;
const endpoints = (inside: string) => application(`<endpoints>\n${inside}\n</endpoints>`);

const refusals: [string, string, string][] = [
  ["is not XML at all", "affinity: 5", "bad.xml:1:"],
  ["ends too early", `<application name="A" source="a.ts">`, "bad.xml:1:"],
  ["closes another element than it opened", application("<endpoints></endpoint>"), "bad.xml:2:"],
  ["brings a document type", `<!DOCTYPE a>\n${application("")}`, "DOCTYPE declarations are not allowed"],
  [
    "has another root",
    `<app name="A" source="a.ts"/>`,
    "bad.xml:1: the root element is <app>, expected <application>",
  ],
  ["has no name", `<application source="a.ts"/>`, "bad.xml:1: <application> has no attribute name"],
  ["has no source", `<application name="A"/>`, "bad.xml:1: <application> has no attribute source"],
  [
    "has an endpoint without a contract",
    endpoints(`<endpoint affinity="1"/>`),
    "bad.xml:3: <endpoint> has no attribute contractName",
  ],
  [
    "has a stranger among its endpoints",
    endpoints(`<pipe/>`),
    "bad.xml:3: <pipe> inside <endpoints>, expected <endpoint> or",
  ],
  [
    "has a fractional affinity",
    endpoints(`<endpoint contractName="C" affinity="1.5"/>`),
    `bad.xml:3: affinity of C is "1.5", expected a whole number from -1000 to 1000`,
  ],
  [
    "has an affinity in words",
    endpoints(`<endpoint contractName="C" affinity="much"/>`),
    `affinity of C is "much"`,
  ],
  ["has an empty affinity", endpoints(`<endpoint contractName="C" affinity=""/>`), `affinity of C is ""`],
  [
    "has too large an affinity",
    endpoints(`<endpoint contractName="C" affinity="1001"/>`),
    `affinity of C is "1001"`,
  ],
  [
    "has too small an affinity",
    endpoints(`<endpoint contractName="C" affinity="-1001"/>`),
    `affinity of C is "-1001"`,
  ],
  [
    "gives a platform to a contract that is no kernel's",
    endpoints(`<endpoint contractName="C" affinity="1" platform="xscale"/>`),
    "bad.xml:3: <endpoint> of C has a platform; only KernelControlContract may",
  ],
  [
    "names a device in no number",
    application(`<devices><device vendor="Intel" device="1"/></devices>`),
    `bad.xml:2: vendor is "Intel", expected a whole number`,
  ],
  [
    "registers a service nowhere",
    application(`<services><service contractName="C"/></services>`),
    "bad.xml:2: <service> has no attribute path",
  ],
];

for (const [what, text, reason] of refusals) {
  Deno.test(`a manifest that ${what} is refused with file and reason, in one line`, () => {
    const error = assertThrows(() => parseManifest(text, "bad.xml"), ManifestError, reason) as Error;
    assertEquals([error.message.startsWith("bad.xml:"), error.message.includes("\n")], [true, false]);
  });
}

Deno.test("a refusal names the line of its element, whatever comments and tags over many lines stand before it", () => {
  const text = `<?xml version="1.0"?>
<!-- <endpoint affinity="x"/>
  -->
<application
  name="A" source="a.ts"><endpoints><!-- < --><![CDATA[ <endpoint> ]]>
  <endpoint
    contractName="C"
    affinity="1"/>
  <endpoint contractName="D" affinity="x"/>
</endpoints></application>`;
  const error = assertThrows(() => parseManifest(text, "bad.xml"), ManifestError) as Error;
  assertEquals(error.message, `bad.xml:9: affinity of D is "x", expected a whole number from -1000 to 1000`);
});

Deno.test("whatever text a manifest holds, it is read or refused, and nothing else is thrown", () => {
  const word = fc.constantFrom(
    ..."<>/=\"'& \n",
    "application",
    "endpoints",
    "endpoint",
    "affinity",
    "name",
    "&#0;",
    "<!--",
    "]]>",
  );
  fc.assert(fc.property(fc.array(word, { maxLength: 30 }), (words) => {
    for (const text of [words.join(""), endpoints(words.join(""))]) {
      try {
        parseManifest(text, "any.xml");
      } catch (error) {
        if (!(error instanceof ManifestError)) throw error;
      }
    }
  }));
});

Deno.test("the system manifest gives paths by contract, and what to start with which arguments", () => {
  const system = parseSystemManifest(
    `<system><contracts><contract contractName="C" path="/c"/></contracts>
     <boot><program name="A"/><program name="B" arguments=" -v  x "/></boot></system>`,
    "system.xml",
  );
  assertEquals([...system.paths], [["C", "/c"]]);
  assertEquals(system.boot, [{ program: "A", arguments: [] }, { program: "B", arguments: ["-v", "x"] }]);
});
