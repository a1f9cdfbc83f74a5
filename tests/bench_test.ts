/**
 * `bench`, SchedBench and the scheduler's counters, as a person uses them on the command line.
 *
 * The figures themselves are tested in tests/figures, with fewer operations than `bench` runs.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { changedMachine, commandOf, helios, succeed, TemporaryFolder } from "./command_line.ts";

for (
  const [words, expected] of [
    [["fig99"], /^helios: no figure is named "fig99"; there are fig\d+[^\n]*, and all\n$/],
    [[], /^helios: bench needs the name of a figure; there are fig\d+[^\n]*\n$/],
    [["fig9", "--outt", "x"], /^helios: "--outt" is not an option of bench; try --help\n$/],
    [["fig9", "--seed", "x"], /^helios: --seed is "x", expected a whole number [^\n]*\n$/],
    [["fig9", "--out"], /^helios: --out needs a value\n$/],
  ] as const
) {
  Deno.test(`bench ${words.join(" ")} is refused in one line`, async () => {
    const { status, stdout, stderr } = await helios(["bench", ...words]);
    assertEquals([status, stdout], [1, ""]);
    assertMatch(stderr, expected);
  });
}

Deno.test("bench refuses a folder that it cannot write to before it runs anything", async () => {
  using folder = new TemporaryFolder();
  const file = folder.write("taken", "");
  const { status, stdout, stderr, hostSeconds } = await helios(["bench", "fig9", "--out", file]);
  assertEquals([status, stdout], [1, ""]);
  assertMatch(stderr, /^helios: Cannot write results to ".*taken": [^\n]+\n$/);
  assert(hostSeconds < 10, `${hostSeconds} s`);
});

Deno.test("SchedBench runs all its tests from the shell, and `scheduler` tells what the kernels counted", async () => {
  const words = ["boot", "--machine", "opteron-numa", "--json", "--exec", "SchedBench -t 4 -i 20; scheduler"];
  const { stdout } = await succeed(words);
  const lines = commandOf(stdout, "SchedBench").rows.map(({ text }) => `${text}`);
  const tests = lines.filter((line) => !line.startsWith(" ")).map((line) => line.split(":")[0]);
  assertEquals(tests, ["yield", "wait", "waitany", "context", "latency"]);
  const { rows } = commandOf(stdout, "scheduler");
  assertEquals(rows.map(({ kernel, balancer, cpus }) => [kernel, balancer, cpus]), [
    ["coordinator", "wake-last", 2],
    ["numa1", "wake-last", 2],
  ]);
  const switches = rows.reduce((sum, { contextSwitches }) => sum + Number(contextSwitches), 0);
  assert(switches > 300, `${switches}`);
  assert(Number(rows[0]!.lockAcquisitions) >= Number(rows[0]!.lockTransfers));
});

Deno.test("a machine file gives a kernel primitive another cost, and programs take so much longer", async () => {
  using folder = new TemporaryFolder();
  const yieldNs = async (cycles: number) => {
    const machine = changedMachine("opteron-numa", ({ host }) => {
      host.primitives = { kernelCall: { value: cycles, source: "test" } };
      host.cpus = [0, 1].map((apicId) => ({ apicId, domain: apicId }));
    });
    const file = folder.write(`m${cycles}.json`, machine);
    const exec = "SchedBench yield -t 2 -i 500";
    const { stdout } = await succeed(["boot", "--machine", file, "--json", "--exec", exec]);
    return Number(/: ([\d.]+) ns each/.exec(`${commandOf(stdout, "SchedBench").rows[0]!.text}`)![1]);
  };
  // 2 GHz: 400 cycles are 200 ns.
  const longer = await yieldNs(491) - await yieldNs(91);
  assert(Math.abs(longer - 200) < 4, `${longer} ns`);
});
