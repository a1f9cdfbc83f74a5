/**
 * Placement on a running machine: what counts is who serves what in the namespace at that moment.
 */

import { assertEquals } from "@std/assert";
import type { Kernel, Program } from "../abi/kernel.ts";
import type { Contract } from "../contracts/contract.ts";
import { kernelControlContract } from "../contracts/kernel_control.ts";
import { Bench } from "../testing/bench.ts";

const workContract = {
  name: "work/1",
  contractName: "WorkContract",
  messages: { work: { from: "client", doc: "Nothing" } },
  start: "open",
  states: { open: { work: "over" }, over: {} },
} as const satisfies Contract;

const awayFromItself = `<application name="Copy" source="copy.ts"><endpoints>
  <endpoint contractName="WorkContract" affinity="-1"/></endpoints></application>`;
const nearOthers = awayFromItself.replace("-1", "1");

/** Three kernels whose control services are registered; `body` runs on the coordinator with the right to place. */
function onMachine(body: (bench: Bench, kernel: Kernel, place: Place) => Program): void {
  const bench = new Bench({ domains: 3 });
  for (const [on, { row }] of bench.kernels.entries()) {
    bench.start(function* control(kernel) {
      yield* kernel.register(kernelControlContract, row.path);
      yield* kernel.sleep(60e9);
    }, { on });
  }
  const placer = bench.start(function* placer(kernel) {
    yield* kernel.sleep(1e6);
    return yield* body(bench, kernel, (manifest) => kernel.system!.place(manifest));
  }, { privileged: true });
  bench.settle();
  assertEquals([placer.state, placer.fault], ["ended", ""]);
}

type Place = (manifest: string) => ReturnType<NonNullable<Kernel["system"]>["place"]>;

/** Registers one more instance of the service, for so long. */
const instance = (path: string, forNs = 30e9) =>
  function* serves(kernel: Kernel): Program {
    yield* kernel.register(workContract, path);
    yield* kernel.sleep(forNs);
  };

Deno.test("copies of a program with a negative affinity to its own service spread over the kernels, evenly", () => {
  onMachine(function* (bench, kernel, place) {
    const places: string[] = [];
    for (let copy = 0; copy < 6; copy++) {
      const { kernel: chosen } = yield* place(awayFromItself);
      places.push(chosen);
      const on = bench.kernels.findIndex(({ name }) => name === chosen);
      bench.queue.at(bench.queue.now, () => bench.start(instance(`/service/work${copy || ""}`), { on }));
      yield* kernel.sleep(1e6);
    }
    assertEquals(places.slice(0, 3).sort(), ["coordinator", "numa1", "numa2"]);
    assertEquals(places.slice(3).sort(), ["coordinator", "numa1", "numa2"]);
  });
});

Deno.test("an instance counts as long as its name is there, and a link to it does not count", () => {
  onMachine(function* (bench, kernel, place) {
    const chosen = function* () {
      return (yield* place(nearOthers)).kernel;
    };
    bench.queue.at(bench.queue.now, () => bench.start(instance("/service/work", 5e6), { on: 2 }));
    yield* kernel.sleep(1e6);
    yield* kernel.link("/one", "/service/work");
    yield* kernel.link("/two", "/service/work");
    assertEquals(yield* chosen(), "numa2");
    const { steps } = yield* place(nearOthers);
    assertEquals(steps.map(({ sum }) => sum), [0, 0, 1]);
    yield* kernel.sleep(6e6);
    assertEquals(
      new Set((yield* place(nearOthers)).steps.map(({ pass }) => pass)),
      new Set(["positive", "cpu"]),
    );
  });
});

Deno.test("a kernel takes part as long as its control service is in the namespace", () => {
  onMachine(function* (bench, kernel, place) {
    const kernelsIn = function* () {
      return (yield* place(awayFromItself)).steps.filter(({ pass }) => pass === "negative")
        .map(({ kernel }) => kernel);
    };
    assertEquals(yield* kernelsIn(), ["coordinator", "numa1", "numa2"]);
    const control = bench.kernels[1]!.processes.running.find(({ manifest }) => manifest.name === "control")!;
    bench.kernels[1]!.processes.end(control, 1, "gone");
    yield* kernel.sleep(1e6);
    assertEquals(yield* kernelsIn(), ["coordinator", "numa2"]);
  });
});
