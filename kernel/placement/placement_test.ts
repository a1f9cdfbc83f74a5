/**
 * Placement: what it says about its passes, and random cases.
 *
 * The random cases are held against another way to say the same: the best kernel by a
 * lexicographic comparison, without passes. Cases worked out by hand, each with its
 * sentence of the paper, are in placement_golden_test.ts.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { Manifest } from "./manifest.ts";
import { type Candidate, place, PlacementError } from "./placement.ts";

const x86 = "out-of-order-x86";

/** The three kernels of the table: two NUMA domains and the board, which is the idlest. */
const coordinator: Candidate = { index: 0, name: "coordinator", platform: x86, cpuUse: 0.5 };
const numa1: Candidate = { index: 1, name: "numa1", platform: x86, cpuUse: 0.3 };
const card0: Candidate = { index: 2, name: "card0", platform: "xscale", cpuUse: 0.1 };
const all = [coordinator, numa1, card0];

type Wish = readonly [contractName: string, affinity: number];
type Services = Readonly<Record<string, readonly number[]>>;

const platformWish = (platform: string, affinity: number) => ({
  contractName: "KernelControlContract",
  platform,
  affinity,
});

function manifestOf(
  wishes: readonly Wish[],
  platforms: readonly ReturnType<typeof platformWish>[] = [],
): Manifest {
  const endpoints = wishes.map(([contractName, affinity]) => ({
    contractName,
    affinity,
    platform: undefined,
  }));
  return {
    name: "Sample",
    source: "sample.ts",
    endpoints: [...endpoints, ...platforms],
    services: [],
    devices: [],
    privileges: [],
    memoryQuota: 64 * 2 ** 20,
  };
}

Deno.test("3.7.3: if platforms are preferred and no kernels are available, Helios returns an error", () => {
  const manifest = manifestOf([], [platformWish("vector-cpu", 9), platformWish("xscale", 3)]);
  assertThrows(
    () => place(manifest, [coordinator, numa1], () => []),
    PlacementError,
    "Cannot place Sample: no kernel of platform vector-cpu, xscale is present",
  );
});

Deno.test("placement explains itself: each pass shows the kernels it looked at, their sums and what was kept", () => {
  const manifest = manifestOf([["A", 2], ["B", -1]], [platformWish(x86, 5)]);
  const { steps } = place(manifest, all, (name) => name === "A" ? [0, 1, 2] : []);
  assertEquals(steps, [
    { pass: "platform", kernel: "coordinator", sum: 5, kept: true },
    { pass: "platform", kernel: "numa1", sum: 5, kept: true },
    { pass: "platform", kernel: "card0", sum: 0, kept: false },
    { pass: "positive", kernel: "coordinator", sum: 2, kept: true },
    { pass: "positive", kernel: "numa1", sum: 2, kept: true },
    { pass: "negative", kernel: "coordinator", sum: 0, kept: true },
    { pass: "negative", kernel: "numa1", sum: 0, kept: true },
    { pass: "cpu", kernel: "coordinator", sum: 0.5, kept: false },
    { pass: "cpu", kernel: "numa1", sum: 0.3, kept: true },
  ]);
});

Deno.test("the search stops as soon as one kernel is left", () => {
  const { steps } = place(manifestOf([["A", 1], ["B", -1]], [platformWish("xscale", 1)]), all, () => [0]);
  assertEquals(steps.map(({ pass }) => pass), ["platform", "platform", "platform"]);
});

// ------------------------------------------------ against another formulation

/** Platform, positive sum, negative sum, idleness, number: the larger list, compared from the left, is better. */
function ranking(manifest: Manifest, kernel: Candidate, services: Services): number[] {
  let [platform, positive, negative] = [0, 0, 0];
  for (const endpoint of manifest.endpoints) {
    if (endpoint.platform !== undefined) {
      if (endpoint.platform !== kernel.platform) continue;
      platform = Math.max(platform, endpoint.affinity);
      negative += Math.min(0, endpoint.affinity);
      continue;
    }
    for (const index of services[endpoint.contractName] ?? []) {
      if (index !== kernel.index) continue;
      if (endpoint.affinity > 0) positive += endpoint.affinity;
      else negative += endpoint.affinity;
    }
  }
  return [platform, positive, negative, -kernel.cpuUse, -kernel.index];
}

function isBetter(a: readonly number[], b: readonly number[]): boolean {
  const place = a.findIndex((value, index) => value !== b[index]);
  return place >= 0 && a[place]! > b[place]!;
}

const affinity = fc.integer({ min: -3, max: 3 });
const contractName = fc.constantFrom("A", "B", "C");
const platform = fc.constantFrom("p", "q", "r");
const machine = fc.array(fc.record({ platform, cpuUse: fc.constantFrom(0, 0.25, 0.5) }), {
  minLength: 1,
  maxLength: 5,
})
  .map((kernels) => kernels.map((kernel, index): Candidate => ({ ...kernel, index, name: `k${index}` })));
const sample = fc.record({
  kernels: machine,
  wishes: fc.array(fc.tuple(contractName, affinity), { maxLength: 4 }),
  platforms: fc.array(fc.tuple(platform, affinity), { maxLength: 3 }),
  services: fc.dictionary(contractName, fc.array(fc.nat(4), { maxLength: 4 })),
  turn: fc.nat(4),
});

const passes = ["platform", "positive", "negative", "cpu"] as const;

Deno.test("in 5,000 random cases each pass leaves what ties with the best by all that counted so far", () => {
  fc.assert(
    fc.property(sample, ({ kernels, wishes, platforms, services, turn }) => {
      const manifest = manifestOf(wishes, platforms.map(([name, value]) => platformWish(name, value)));
      const listed = [...kernels.slice(turn), ...kernels.slice(0, turn)];
      const rank = (kernel: Candidate) => ranking(manifest, kernel, services);
      const choose = () => place(manifest, listed, (name) => services[name] ?? []);
      const best = kernels.reduce((one, other) => isBetter(rank(other), rank(one)) ? other : one);
      if (platforms.some(([, value]) => value > 0) && rank(best)[0] === 0) {
        assertThrows(choose, PlacementError);
        return;
      }
      const { kernel, steps } = choose();
      assertEquals(kernel.name, best.name);
      for (const [index, pass] of passes.entries()) {
        const made = steps.filter((step) => step.pass === pass);
        if (made.length === 0) continue;
        const tied = kernels.filter((one) => !isBetter(rank(best).slice(0, index + 1), rank(one)));
        const kept = made.filter((step) => step.kept).map((step) => step.kernel).sort();
        assertEquals(kept, tied.map(({ name }) => name).sort(), `${pass}: ${JSON.stringify(steps)}`);
      }
      const last = steps.at(-1);
      const left = last === undefined
        ? kernels
        : steps.filter((step) => step.pass === last.pass && step.kept);
      assert(left.length === 1 || last?.pass === "cpu", "it stops with one kernel, or after the last pass");
    }),
    { numRuns: 5000 },
  );
});

Deno.test("a driver is not placed: it runs where its device is", () => {
  const manifest = { ...manifestOf([]), devices: [{ vendorId: 0x8086, deviceId: 0x100e }] };
  assertThrows(
    () => place(manifest, [coordinator, numa1], () => []),
    PlacementError,
    "Cannot place Sample: it is a driver, and runs on the kernel whose bus its device is on",
  );
});
