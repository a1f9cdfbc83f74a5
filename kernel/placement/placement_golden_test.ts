/**
 * Placement against the paper: the cases of testing/golden_cases.ts, each a test under its sentence.
 *
 * Both what is chosen and what each pass leaves has to be as worked out by hand, whatever
 * the order in which the kernels are listed.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { EndpointDeclaration, Manifest } from "./manifest.ts";
import { type Candidate, place, PlacementError } from "./placement.ts";
import { type Case, cases, usual } from "./testing/golden_cases.ts";

function manifestOf({ wishes = {}, platforms = {} }: Case): Manifest {
  const endpoints: EndpointDeclaration[] = [
    ...Object.entries(wishes).map(([contractName, affinity]) => ({
      contractName,
      affinity,
      platform: undefined,
    })),
    ...Object.entries(platforms).map(([platform, affinity]) => ({
      contractName: "KernelControlContract",
      affinity,
      platform,
    })),
  ];
  return {
    name: "Sample",
    source: "sample.ts",
    endpoints,
    services: [],
    devices: [],
    privileges: [],
    memoryQuota: 64 * 2 ** 20,
  };
}

/** The passes in their order, each with the kernels that it left. */
function passesOf(one: Case, turned: boolean): { passes: string; chosen: string } {
  const kernels = Object.entries(one.kernels ?? usual).map(([name, kernel], index): Candidate => ({
    ...kernel,
    index,
    name,
  }));
  const indexOf = (name: string) => kernels.findIndex((kernel) => kernel.name === name);
  const servicesOf = (contract: string) => [...one.at?.[contract] ?? ""].map(indexOf);
  const { kernel, steps } = place(manifestOf(one), turned ? kernels.toReversed() : kernels, servicesOf);
  const left = new Map<string, string[]>();
  for (const { pass, kernel: name, kept } of steps) {
    left.set(pass, [...left.get(pass) ?? [], ...(kept ? [name] : [])]);
  }
  const inOrder = (names: readonly string[]) => names.toSorted((a, b) => indexOf(a) - indexOf(b)).join(" ");
  const passes = [...left].map(([pass, names]) => `${pass} ${inOrder(names)}`).join(" - ");
  return { passes, chosen: kernel.name };
}

for (const one of cases) {
  const { section, sentence, shows, expected } = one;
  Deno.test(`${section}: ${sentence}${shows === undefined ? "" : ` (${shows})`}`, () => {
    for (const turned of [false, true]) {
      if (expected === "error") {
        assertThrows(
          () => passesOf(one, turned),
          PlacementError,
          "Cannot place Sample: no kernel of platform",
        );
        continue;
      }
      const { passes, chosen } = passesOf(one, turned);
      assertEquals(passes, expected);
      assertEquals(chosen, (expected.split(" - ").at(-1)!.split(" ")[1] ?? "c")[0]);
    }
  });
}

Deno.test("the table has at least thirty cases, from each part of the paper that is about placement", () => {
  assert(cases.length >= 30, `${cases.length}`);
  const sections = new Set(cases.map(({ section }) => section));
  for (const section of ["3.7.1", "3.7.2", "3.7.3", "3.7.4", "Figure 3", "4.5.2, Figure 11"] as const) {
    assert(sections.has(section), section);
  }
});
