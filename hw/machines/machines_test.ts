/**
 * The shipped machine files: they are read without complaint, and every figure
 * in them says where it is from.
 * What the paper says about its machines must hold in ours.
 */

import { assert, assertEquals } from "@std/assert";
import { shippedMachine, shippedMachines } from "./machines.ts";

for (const name of shippedMachines.keys()) {
  Deno.test(`machine ${name} is accepted and bears the name of its file`, () => {
    assertEquals(shippedMachine(name)?.name, name);
  });

  Deno.test(`machine ${name} gives a source or "fitted: why" for each figure`, () => {
    const { figures } = shippedMachine(name)!;
    assert(figures.length > 20);
    const bare = figures.filter(({ source }) => source === undefined || source.length < 10);
    assertEquals(bare.map(({ path }) => path), []);
  });
}

Deno.test("a machine that does not ship is undefined", () => {
  assertEquals(shippedMachine("vax"), undefined);
});

Deno.test("the paper's memory latencies hold: remote is 1.38 times local and interleaved 1.19 times", () => {
  const numa = shippedMachine("opteron-numa")!.host.memory;
  const interleaved = shippedMachine("opteron-interleaved")!.host.memory;
  assertEquals((numa.remoteNs! / numa.localNs).toFixed(6), "1.380000");
  assertEquals((interleaved.interleavedNs! / interleaved.localNs).toFixed(6), "1.190000");
});

Deno.test("only the board's NIC of the default machine has a cable, and its disk is on the host's bus", () => {
  const { devices } = shippedMachine("helios")!;
  const board = devices.find((device) => device.model === "iop348")!;
  const cables = [...devices, ...board.devices].filter((device) =>
    device.model === "intel-8254x" && device.cable
  );
  assertEquals(cables, [board.devices[0]!]);
  assert(devices.some((device) => device.model === "sii3114"));
});
