/**
 * The ISA tables: every figure has a source, and the relations that the paper's
 * measurements imply hold.
 * - A sum of primitives must come to what was measured of the whole operation.
 */

import { assert, assertEquals } from "@std/assert";
import type { Isa } from "./isa.ts";
import { armv5te } from "./isa_armv5te.ts";
import { x86Core2 } from "./isa_x86_core2.ts";
import { x86K8 } from "./isa_x86_k8.ts";

for (const isa of [x86Core2, x86K8, armv5te] satisfies Isa[]) {
  Deno.test(`each cost of ${isa.name} is finite, not negative, and says where it is from`, () => {
    for (const [name, cost] of [...Object.entries(isa.operations), ...Object.entries(isa.primitives)]) {
      assert(Number.isFinite(cost.cycles) && cost.cycles >= 0, name);
      assert(cost.source.length >= 15, name);
    }
  });
}

for (const isa of [x86Core2, x86K8, armv5te] satisfies Isa[]) {
  Deno.test(`no operation of ${isa.name} issues more instructions in a cycle than the core can`, () => {
    for (const [name, { count, source }] of Object.entries(isa.instructions)) {
      const { cycles } = isa.operations[name as keyof typeof isa.operations];
      assert(count > 0 && count <= cycles * isa.issueWidth.count, name);
      assert(Number.isInteger(count) || name.endsWith("Byte"), name);
      assert(source.length >= 15, name);
    }
  });
}

Deno.test("a message ping-pong on K8 costs the 1415 cycles that were measured", () => {
  const { channelSend, channelReceive, kernelCall, contextSwitch } = x86K8.primitives;
  const cost = 2 *
    (channelSend.cycles + channelReceive.cycles + contextSwitch.cycles + 2 * kernelCall.cycles);
  assert(Math.abs(cost - 1415) < 5, String(cost));
});

Deno.test("an event ping-pong on K8 costs the 1207 cycles that were measured", () => {
  const { synchronisation, kernelCall, contextSwitch } = x86K8.primitives;
  const cost = 4 * (synchronisation.cycles + kernelCall.cycles) + 2 * contextSwitch.cycles;
  assert(Math.abs(cost - 1207) < 5, String(cost));
});

Deno.test("a yield on K8 costs the 365 cycles that were measured", () => {
  assertEquals(x86K8.primitives.kernelCall.cycles + x86K8.primitives.contextSwitch.cycles, 365);
});

Deno.test("programming ADMA takes an XScale at 1.2 GHz between 1 and 2 microseconds", () => {
  const microseconds = armv5te.primitives.dmaProgram.cycles / 1200;
  assert(microseconds >= 1 && microseconds <= 2);
});
