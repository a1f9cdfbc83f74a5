/**
 * Placement against the paper: a table of cases worked out by hand, and random ones.
 *
 * Each case of the table stands under the sentence of sections 3.7.1 to 3.7.4, or the line
 * of Figure 3, that it follows from. The random cases are held against another way to say
 * the same: the best kernel by a lexicographic comparison, without passes.
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
  };
}

interface Case {
  readonly sentence: string;
  readonly wishes?: readonly Wish[];
  readonly platforms?: readonly ReturnType<typeof platformWish>[];
  readonly services?: Services;
  readonly kernels?: readonly Candidate[];
  readonly chosen: string;
}

const cases: readonly Case[] = [
  {
    sentence: "3.7.1: an affinity value of 0 means that the process does not care where it executes",
    wishes: [["PipeContract", 0]],
    services: { PipeContract: [0] },
    chosen: "card0",
  },
  {
    sentence:
      "3.7.1: an affinity of -1 is a wish to execute on a kernel that differs from the one servicing TCP",
    wishes: [["TcpContract", -1]],
    services: { TcpContract: [2] },
    chosen: "numa1",
  },
  {
    sentence: "3.7.1: the placement is changed simply by changing the affinity entries: +1 instead of -1",
    wishes: [["TcpContract", 1]],
    services: { TcpContract: [0] },
    chosen: "coordinator",
  },
  {
    sentence: "3.7.2: wherever a NIC driver executes, the networking stack should execute as well",
    wishes: [["NicDeviceContract", 5]],
    services: { NicDeviceContract: [2] },
    kernels: [coordinator, numa1, { ...card0, cpuUse: 1 }],
    chosen: "card0",
  },
  {
    sentence: "3.7.2: when both platforms are available, the one of higher affinity is chosen over the other",
    platforms: [platformWish("xscale", 1), platformWish(x86, 2)],
    chosen: "numa1",
  },
  {
    sentence:
      "3.7.2: positive platform affinity culls the list: what it culled, no positive affinity brings back",
    wishes: [["TcpContract", 1000]],
    platforms: [platformWish(x86, 1)],
    services: { TcpContract: [2] },
    chosen: "numa1",
  },
  {
    sentence: "3.7.2: two CPU-bound processes might ensure they do not execute on the same kernel",
    wishes: [["AntiVirusContract", -1]],
    services: { AntiVirusContract: [2, 1] },
    chosen: "coordinator",
  },
  {
    sentence: "3.7.2: with a platform, a process executes in isolation only if there are other kernels of it",
    wishes: [["MailStoreContract", -1]],
    platforms: [platformWish(x86, 1)],
    services: { MailStoreContract: [1] },
    chosen: "coordinator",
  },
  {
    sentence: "3.7.2: otherwise, the two processes will execute on the same satellite kernel",
    wishes: [["MailStoreContract", -1]],
    platforms: [platformWish(x86, 1)],
    services: { MailStoreContract: [0] },
    kernels: [coordinator, card0],
    chosen: "coordinator",
  },
  {
    sentence: "3.7.2: additional copies with self-reference affinity run independently, the second copy",
    wishes: [["IndexerContract", -1]],
    services: { IndexerContract: [2] },
    chosen: "numa1",
  },
  {
    sentence: "3.7.2: additional copies with self-reference affinity run independently, the third copy",
    wishes: [["IndexerContract", -1]],
    services: { IndexerContract: [2, 1] },
    chosen: "coordinator",
  },
  {
    sentence:
      "3.7.2: by itself, negative affinity only attempts to avoid: the fourth copy goes where one is, and CPUs idle",
    wishes: [["IndexerContract", -1]],
    services: { IndexerContract: [2, 1, 0] },
    chosen: "card0",
  },
  {
    sentence: "3.7.3: if none exist, then it moves to the next preferred platform",
    platforms: [platformWish("vector-cpu", 9), platformWish("xscale", 3), platformWish(x86, 1)],
    chosen: "card0",
  },
  {
    sentence: "3.7.3: if no platform is preferred, all kernels are kept: an affinity of 0 is no preference",
    platforms: [platformWish(x86, 0)],
    chosen: "card0",
  },
  {
    sentence:
      "3.7.3: if multiple kernels of the platform are available, only those are used in the second step",
    wishes: [["FileSystemContract", 1]],
    platforms: [platformWish(x86, 1)],
    services: { FileSystemContract: [0, 2, 2] },
    chosen: "coordinator",
  },
  {
    sentence: "3.7.3: the total is the sum over each service executing on that kernel: 2 + 2 beat 3",
    wishes: [["A", 2], ["B", 2], ["C", 3]],
    services: { A: [0], B: [0], C: [2] },
    chosen: "coordinator",
  },
  {
    sentence: "3.7.3: a contract with two instances on a kernel counts for each service there: 2 + 2 beat 3",
    wishes: [["A", 2], ["C", 3]],
    services: { A: [1, 1], C: [2] },
    chosen: "numa1",
  },
  {
    sentence: "3.7.3: positive is prioritized over negative, the two are not summed: +1 wins over -1000",
    wishes: [["A", 1], ["B", -1000]],
    services: { A: [0], B: [0] },
    chosen: "coordinator",
  },
  {
    sentence: "3.7.3: several kernels with the same maximum sum: negative affinity decides between them",
    wishes: [["A", 1], ["B", -1]],
    services: { A: [0, 1], B: [1] },
    chosen: "coordinator",
  },
  {
    sentence: "3.7.3: the same algorithm for negative values: the sum nearest to zero is kept (-2 over -3)",
    wishes: [["A", -1], ["B", -3]],
    services: { A: [0, 0, 1, 1, 1, 2], B: [2] },
    chosen: "coordinator",
  },
  {
    sentence: "3.7.3: CPU utilization acts as a tie breaker: the lowest",
    wishes: [["A", 1]],
    services: { A: [0, 1] },
    chosen: "numa1",
  },
  {
    sentence: "3.7.3: services named by the manifest that run nowhere add nothing to any kernel",
    wishes: [["A", 7], ["B", -7]],
    chosen: "card0",
  },
  {
    sentence: "3.7.4: the antivirus expresses a negative affinity with the mailstore",
    wishes: [["MailStoreContract", -1]],
    services: { MailStoreContract: [2], FileSystemContract: [2], TcpContract: [2] },
    chosen: "numa1",
  },
  {
    sentence: "3.7.4: the mail service expresses a positive affinity with the file system",
    wishes: [["FileSystemContract", 1], ["AntiVirusContract", 0]],
    services: { FileSystemContract: [0], AntiVirusContract: [1] },
    chosen: "coordinator",
  },
  {
    sentence:
      "Figure 3: keep only kernels equal to max platform affinity: two platforms of equal affinity are both kept",
    wishes: [["A", 1]],
    platforms: [platformWish(x86, 2), platformWish("xscale", 2)],
    services: { A: [2] },
    chosen: "card0",
  },
  {
    sentence:
      "Figure 3: return the kernel with the lowest CPU utilization; on a tie, DESIGN section 4, the lowest number",
    kernels: [card0, numa1, coordinator].map((kernel) => ({ ...kernel, cpuUse: 0.2 })),
    chosen: "coordinator",
  },
];

for (const { sentence, wishes = [], platforms = [], services = {}, kernels = all, chosen } of cases) {
  Deno.test(sentence, () => {
    const { kernel } = place(manifestOf(wishes, platforms), kernels, (name) => services[name] ?? []);
    assertEquals(kernel.name, chosen);
  });
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
      if (endpoint.platform === kernel.platform) platform = Math.max(platform, endpoint.affinity);
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

Deno.test("in random cases the kernel is the best by platform, positive sum, negative sum, CPU use, number", () => {
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
      const last = steps.at(-1);
      assert(
        last === undefined ||
          steps.some((step) => step.pass === last.pass && step.kernel === best.name && step.kept),
      );
    }),
    { numRuns: 1000 },
  );
});
