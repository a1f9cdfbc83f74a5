/**
 * Manifests as people write them: what is read from good ones, and how bad ones are refused.
 *
 * A refusal is one line that names the file, the place in it and the reason.
 */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
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
    memoryQuota: 64 * 2 ** 20,
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
  [
    "misspells an attribute",
    endpoints(`<endpoint contractName="C" affinty="5"/>`),
    `bad.xml:3: <endpoint> has the attribute affinty="5", expected contractName or affinity or platform or id`,
  ],
  [
    "gives a group an attribute",
    application(`<endpoints affinity="5"></endpoints>`),
    `bad.xml:2: <endpoints> has the attribute affinity="5", expected none`,
  ],
  [
    "gives its root an attribute that no rule names",
    `<application name="A" source="a.ts" platform="xscale"/>`,
    `bad.xml:1: <application> has the attribute platform="xscale", expected name or source or runtime`,
  ],
  [
    "misspells a group",
    application("<endpoint/>"),
    "bad.xml:2: <endpoint> inside <application>, expected <endpoints> or <services> or <devices> or <privileges>",
  ],
  [
    "has an element of another namespace",
    endpoints(`<x:endpoint xmlns:x="urn:x" contractName="C"/>`),
    "bad.xml:3: <x:endpoint> inside <endpoints>, expected <endpoint> or",
  ],
  [
    "has a group twice",
    application("<devices/>\n<devices/>"),
    "bad.xml:3: <devices> inside <application> for the second time, expected one",
  ],
  [
    "has an element where none belongs",
    endpoints(`<endpoint contractName="C">\n<affinity/></endpoint>`),
    "bad.xml:4: <affinity> inside <endpoint>, expected none",
  ],
  [
    "has text where none belongs",
    endpoints(`<endpoint contractName="C">affinity\n5</endpoint>`),
    `bad.xml:3: the text "affinity\\n5" inside <endpoint>, expected none`,
  ],
  [
    "has a text section",
    endpoints("<![CDATA[x]]>"),
    `bad.xml:2: the text "x" inside <endpoints>, expected <endpoint>`,
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
  name="A" source="a.ts"><endpoints><!-- < --><![CDATA[ ]]>
  <endpoint
    contractName="C"
    affinity="1"/>
  <endpoint contractName="D" affinity="x"/>
</endpoints></application>`;
  const refusalOf = (manifest: string) =>
    (assertThrows(() => parseManifest(manifest, "bad.xml"), ManifestError) as Error).message;
  const wrong = `affinity of D is "x", expected a whole number from -1000 to 1000`;
  assertEquals(refusalOf(text), `bad.xml:9: ${wrong}`);
  const withTags = endpoints(`<endpoint contractName="C"><![CDATA[\n<endpoint>\n]]></endpoint>\n<pipe/>`);
  assertStringIncludes(refusalOf(withTags), "bad.xml:6: <pipe> inside <endpoints>");
});

Deno.test("the system manifest says what carries messages to cards; without a word it is ADMA", () => {
  const transportOf = (cards: string) =>
    parseSystemManifest(`<system>${cards}</system>`, "s.xml").cardTransport;
  assertEquals(transportOf(""), "adma");
  assertEquals(transportOf(`<cards><transport name="memcpy"/></cards>`), "memcpy");
  for (
    const [cards, reason] of [
      [`<cards><transport name="mail"/></cards>`, `s.xml:1: transport is "mail", expected adma or memcpy`],
      [
        `<cards><transport name="adma"/><transport name="memcpy"/></cards>`,
        "s.xml:1: a transport for the second time, expected one",
      ],
    ] as const
  ) assertThrows(() => transportOf(cards), ManifestError, reason);
});

Deno.test("a system manifest gives a balancer to all kernels and others to some", () => {
  const text = `<system><balancers><balancer name="announce"/>` +
    `<balancer name="wake-last" kernel="numa1"/></balancers></system>`;
  const { balancers } = parseSystemManifest(text, "s.xml");
  assertEquals([...balancers], [["", "announce"], ["numa1", "wake-last"]]);
  assertEquals(parseSystemManifest("<system/>", "s.xml").balancers.size, 0);
});

Deno.test("what no rule names is refused in a system manifest too", () => {
  const refused: [string, string][] = [
    [`<system version="1"/>`, `s.xml:1: <system> has the attribute version="1", expected name`],
    [
      `<system>\n<program name="A"/></system>`,
      "s.xml:2: <program> inside <system>, expected <contracts> or <cards> or <balancers> or <boot>",
    ],
    [
      `<system><boot/>\n<boot/></system>`,
      "s.xml:2: <boot> inside <system> for the second time, expected one",
    ],
    [`<system><boot>\nA</boot></system>`, `s.xml:1: the text "A" inside <boot>, expected <program>`],
    [
      `<system><boot>\n<program name="A" argument="-v"/></boot></system>`,
      `s.xml:2: <program> has the attribute argument="-v", expected name or arguments`,
    ],
    [
      `<system><contracts><contract contractName="C" path="/c"/>\n<contract contractName="C" path="/d"/>` +
      `</contracts></system>`,
      "s.xml:2: C has a path for the second time, expected one",
    ],
    [
      `<system><balancers>\n<balancer name="fair"/></balancers></system>`,
      `s.xml:2: balancer is "fair", expected wake-last or announce`,
    ],
    [
      `<system><balancers><balancer name="announce"/>\n<balancer name="wake-last"/></balancers></system>`,
      "s.xml:2: a balancer of the kernels that are not named for the second time, expected one",
    ],
    [
      `<system><balancers><balancer name="announce" kernel="numa1"/>\n` +
      `<balancer name="announce" kernel="numa1"/></balancers></system>`,
      "s.xml:2: a balancer of kernel numa1 for the second time, expected one",
    ],
  ];
  for (const [text, message] of refused) {
    const error = assertThrows(() => parseSystemManifest(text, "s.xml"), ManifestError) as Error;
    assertEquals(error.message, message);
  }
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
