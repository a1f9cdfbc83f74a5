/**
 * Messages between host and card: what keeps their bytes right, and what they cost the card's CPU.
 *
 * SingBench checks the bytes that come back from its child on the card. The card's cache is reached as
 * hardware is, to take one operation of it away.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { messageSizes } from "../apps/sing_bench/messages.ts";
import { CardTransport } from "../kernel/remote/card_transport.ts";
import { recordKind, RecordWriter } from "../kernel/remote/record.ts";
import { BootedMachine, type MachineOptions } from "./machine_bench.ts";

const machine = "core2-iop348";
const withMemcpy: MachineOptions = {
  machine,
  manifests: {
    "system.xml": (text) => text.replace("<boot>", `<cards><transport name="memcpy" /></cards><boot>`),
  },
};

function booted(options: MachineOptions = { machine }): BootedMachine {
  const machine = new BootedMachine(options);
  machine.command("kernels");
  return machine;
}

/** Takes an operation away for SingBench's own blocks of a page and more; programs load as ever. */
function without(operation: "clean" | "invalidate", machine: BootedMachine): BootedMachine {
  const cache = machine.machine.cards[0]!.dataCache!;
  const usual = cache[operation].bind(cache);
  cache[operation] = (address, length) => {
    if (length < 4096 || !messageSizes.includes(length)) usual(address, length);
  };
  return machine;
}

const answerOf = (machine: BootedMachine) => {
  const answer = machine.command("SingBench");
  return { status: answer["status"], text: JSON.stringify(answer) };
};

Deno.test("with the card's cache cleaned and invalidated around DMA, all blocks come back as they were sent", () => {
  assertEquals(answerOf(booted()).status, 0);
});

for (const operation of ["clean", "invalidate"] as const) {
  Deno.test(`without ${operation} of the card's cache, blocks that DMA has moved hold stale bytes`, () => {
    const { status, text } = answerOf(without(operation, booted()));
    assert(status !== 0, text);
    assertStringIncludes(text, "came back from card child with other bytes in it");
  });
}

Deno.test("without invalidating, the card does not see what the host says, and nothing starts on it", () => {
  const deaf = booted();
  const cache = deaf.machine.cards[0]!.dataCache!;
  const usual = cache.invalidate.bind(cache);
  cache.invalidate = () => {};
  assert(answerOf(deaf).text.includes("card child") === false);
  // The card hears again, so that it gives back what it was lent.
  cache.invalidate = usual;
});

/** SingBench with its child on the card: what transfers cost the card's CPU, in cycles and of its busy time. */
function cost(options: MachineOptions) {
  const run = booted(options);
  const [kernel] = run.host.cardKernels;
  const { transport } = kernel!.peers[0]!;
  assert(transport instanceof CardTransport);
  const cpu = run.machine.cards[0]!.cpus[0]!;
  const before = { transfers: transport.engine.cpuCycles, busy: cpu.busyCycles };
  const { rows, status } = run.command("SingBench");
  assertEquals(status, 0, JSON.stringify(rows));
  const cycles = transport.engine.cpuCycles - before.transfers;
  return { name: transport.name, cycles, share: cycles / (cpu.busyCycles - before.busy) };
}

Deno.test("memcpy takes the card's CPU more than half of its time, and ADMA a tenth of memcpy's cycles or less", () => {
  const [memcpy, adma] = [cost(withMemcpy), cost({ machine })];
  assertEquals([memcpy.name, adma.name], ["memcpy", "adma"]);
  assert(memcpy.share > 0.5, `memcpy: ${memcpy.share}`);
  assert(memcpy.cycles > 10 * adma.cycles, `memcpy ${memcpy.cycles} cycles, ADMA ${adma.cycles}`);
});

Deno.test("a transfer of the card's that fails cuts the two kernels off from each other, and the host goes on", () => {
  const run = booted({ machine: "helios" });
  const [card] = run.host.cardKernels;
  const peer = card!.peers.find(({ index }) => index === 1)!;
  // Kernel 1 names a block where the host has no memory, as a broken kernel would.
  const [host] = run.host.kernels.filter(({ index }) => index === 1);
  const writer = new RecordWriter(recordKind.copy, 0, 0, 0, 1);
  writer.f64(0x0300_0000);
  writer.f64(0xf000_0000);
  writer.u32(64);
  host!.findPeer(card!.index)!.transport.post(writer.bytes);
  run.run(0.1);
  assertEquals(peer.isCutOff, true, run.bootLog.join("\n"));
  assert(run.bootLog.some((line) => /card0 cuts numa1 off: ADMA channel \d stopped with status/.test(line)));
  assert(run.bootLog.some((line) => /numa1 cuts card0 off: it has cut numa1 off/.test(line)));
  // The other pair of the card goes on: the net stack there answers the shell, which is on the coordinator.
  assertEquals(run.command("ipconfig").status, 0);
  assertEquals(run.command("ps").status, 0);
});
