/**
 * What the shell tells of transfers between kernels, held against what the machine did.
 */

import { assert, assertEquals } from "@std/assert";
import { BootedMachine } from "./machine_bench.ts";
import type { JsonRow } from "./command_line.ts";

function transfers(booted: BootedMachine): readonly JsonRow[] {
  return booted.command("transfers").rows;
}

function between(rows: readonly JsonRow[], kernel: string, peer: string): Record<string, number> {
  return rows.find((row) => row.kernel === kernel && row.peer === peer) as Record<string, number>;
}

Deno.test("every pair of kernels has two rows, and what one has sent the other has received", () => {
  const booted = new BootedMachine();
  booted.run(0.01);
  const rows = transfers(booted);
  assertEquals(rows.length, 6);
  for (const { kernel, peer, transport, waiting } of rows) {
    assertEquals(transport, [kernel, peer].includes("card0") ? "adma" : "memcpy");
    assertEquals(waiting, 0);
  }
  const pair = [between(rows, "coordinator", "numa1"), between(rows, "numa1", "coordinator")] as const;
  // The table itself travels while it is made.
  assert(Math.abs(pair[0].sentMessages! - pair[1].receivedMessages!) <= 2, JSON.stringify(pair));
  assert(Math.abs(pair[1].sentMessages! - pair[0].receivedMessages!) <= 2, JSON.stringify(pair));
});

Deno.test("an echo request by the card's network stack costs chains whose last write rings at the host", () => {
  const booted = new BootedMachine();
  const card = () => between(transfers(booted), "card0", "numa1");
  const before = card();
  assertEquals(booted.command("ping -c 1 10.0.2.2").status, 0);
  const after = card();
  const grown = (field: string) => after[field]! - before[field]!;
  for (const field of ["sentMessages", "receivedMessages", "chains", "descriptors", "chainedWrites"]) {
    assert(grown(field) > 0, `${field} has not grown`);
  }
  assert(grown("chainedWrites") <= grown("chains") && grown("chains") < grown("descriptors"));
  assert(grown("carriedBytes") > grown("blockBytes"));
});

Deno.test("with memcpy as the card's transport bytes are counted, and nothing of DMA", () => {
  const booted = new BootedMachine({
    manifests: {
      "system.xml": (text) => text.replace("<boot>", `<cards><transport name="memcpy" /></cards><boot>`),
    },
  });
  const rows = transfers(booted);
  assertEquals(new Set(rows.map(({ transport }) => transport)), new Set(["memcpy"]));
  const card = between(rows, "card0", "coordinator");
  assert(card.carriedBytes! > 10_000, `${card.carriedBytes}`);
  assertEquals([card.chains, card.descriptors, card.chainedWrites], [0, 0, 0]);
});
