/**
 * It is the mechanism that does the work: break one part of it, and just what needs it stops.
 *
 * Parts are broken where hardware breaks: by a figure or a fault of the machine file, or by a write
 * to a register through the host's address space.
 */

import { assert, assertEquals, assertMatch, fail } from "@std/assert";
import { hostMemoryMap } from "../hw/machine/host_memory_map.ts";
import { messagingHostRegisters } from "../hw/iop348/messaging_registers.ts";
import { BootedMachine } from "./machine_bench.ts";
import {
  boardOf,
  changedMachine,
  helios,
  type Machine,
  netStackAffinity,
  TemporaryFolder,
} from "./command_line.ts";

const slowCard = (machine: Machine) => {
  boardOf(machine).instructionCostScale = { value: 10, source: "a test: ten times the cost" };
};

/** The cable is in the host's NIC instead of the board's. */
const cableAtHost = (machine: Machine) => {
  const [nic, boards] = [
    machine.devices.find(({ model }) => model === "intel-8254x") ?? fail("the host has no NIC"),
    boardOf(machine).devices as { cable: boolean }[],
  ];
  nic.cable = true;
  for (const device of boards) device.cable = false;
};

interface Placed {
  readonly machine: string;
  readonly affinity: number;
  readonly isCableAtHost: boolean;
}

/** What 680 KB of mail (less is over before TCP has found its pace) and an echo request take, in ns and ms of virtual time, and where the net stack is. */
function measure({ machine, affinity, isCableAtHost }: Placed, isSlow: boolean) {
  const booted = new BootedMachine({
    machine,
    manifests: { "NetStack.xml": netStackAffinity(affinity) },
    change: (file) => {
      if (isCableAtHost) cableAtHost(file);
      if (isSlow) slowCard(file);
    },
  });
  const kernel = booted.kernelOf("NetStack");
  const roundTripMs = booted.ping();
  const client = booted.connect(25);
  assertMatch(client.hear(), /^220 /);
  for (const line of ["EHLO client.example", "MAIL FROM:<a@client.example>", "RCPT TO:<alice@helios.test>"]) {
    assertMatch(client.ask(`${line}\r\n`), /^250[ -]/);
  }
  assertMatch(client.ask("DATA\r\n"), /^354 /);
  const start = booted.queue.now;
  client.say(`Subject: long\r\n\r\n${"0123456789 ".repeat(6).concat("\r\n").repeat(10_000)}`);
  const transferNs = booted.queue.now - start;
  assertMatch(client.ask(".\r\n"), /^250 /);
  return { kernel, roundTripMs, transferNs };
}

/** How many times as long a transfer and a round trip take when the card's instructions cost ten times as much. */
function slowdown(placed: Placed) {
  const [usual, slow] = [measure(placed, false), measure(placed, true)];
  assertEquals(usual.kernel, slow.kernel);
  return {
    kernel: usual.kernel,
    transfer: slow.transferNs / usual.transferNs,
    roundTrip: slow.roundTripMs / usual.roundTripMs,
  };
}

Deno.test("card instructions at ten times the cost slow a transfer while the net stack is on the card, hardly once it moved", () => {
  const onCard = slowdown({ machine: "helios", affinity: 5, isCableAtHost: false });
  const moved = slowdown({ machine: "helios", affinity: 0, isCableAtHost: false });
  assertEquals([onCard.kernel, moved.kernel], ["card0", "numa1"]);
  assert(onCard.transfer > 2 && onCard.roundTrip > 1.2, JSON.stringify(onCard));
  // The driver of the board's NIC stays on the card, and has its share in both.
  assert(moved.transfer < 1.5 && moved.roundTrip < 1.1, JSON.stringify(moved));
  assert(onCard.transfer / moved.transfer > 1.8, JSON.stringify({ onCard, moved }));
});

Deno.test("card instructions at ten times the cost change nothing at all while net stack and driver are on the host", () => {
  const onHost = slowdown({ machine: "core2-iop348", affinity: 5, isCableAtHost: true });
  const onCard = slowdown({ machine: "core2-iop348", affinity: -1, isCableAtHost: true });
  assertEquals(onHost, { kernel: "coordinator", transfer: 1, roundTrip: 1 });
  assertEquals(onCard.kernel, "card0");
  assert(onCard.transfer > 1.5 && onCard.roundTrip > 1.05, JSON.stringify(onCard));
});

Deno.test("with the messaging unit's interrupt masked, messages from the card no longer reach the host until it is unmasked", () => {
  const booted = new BootedMachine();
  assertEquals(booted.kernelOf("NetStack"), "card0");
  booted.command("ipconfig");
  const { space } = booted.machine.host;
  const slot = booted.machine.description.devices.find(({ model }) => model === "iop348")!.slot;
  const bar0 = space.read32(hostMemoryMap.ecam + slot * 0x8000 + 0x10) & ~0xf;
  const OIMR = (bar0 >>> 0) + messagingHostRegisters.OIMR.offset;
  const mask = space.read32(OIMR);
  space.write32(OIMR, 0xffffffff);
  const answer = booted.tryCommand("ipconfig", 10);
  assert(answer?.status !== 0, `the card answered all the same: ${JSON.stringify(answer)}`);
  space.write32(OIMR, mask);
  booted.run(5);
  assertEquals(booted.command("ipconfig").status, 0);
});

Deno.test("a card whose driver was killed goes on: the kernel has taken it over", () => {
  const booted = new BootedMachine();
  const driver = booted.command("ps").rows.find(({ program }) => program === "BoardDriver")!;
  assertEquals(booted.command(`kill ${driver["pid"]}`).status, 0);
  assertEquals(booted.command("ps").rows.some(({ kernel }) => kernel === "card0"), true);
  assertEquals(booted.command("ipconfig").status, 0);
});

Deno.test("a wrong byte in the satellite image costs the card and nothing else, and one line says so", () => {
  const booted = new BootedMachine({
    change: (machine) => boardOf(machine).dramFaults = [{ address: 0x10_0400, xor: 1 }],
  });
  const kernels = booted.command("kernels").rows.map(({ name }) => name);
  assertEquals(kernels, ["coordinator", "numa1"]);
  const told = booted.bootLog.filter((line) => /Cannot start the satellite kernel/.test(line));
  assertEquals(told.length, 1, booted.bootLog.join("\n"));
  assertMatch(told[0]!, /IOP348 at 0:5\.0.*checksum/);
  assertEquals(booted.command("ls /fs").rows.map(({ name }) => name), ["email", "bin", "manifests"]);
  assertEquals(booted.command("echo text > /fs/note").status, 0);
});

Deno.test("a wrong byte beyond the satellite image changes nothing", () => {
  const booted = new BootedMachine({
    change: (machine) => boardOf(machine).dramFaults = [{ address: 0x0fff_fff0, xor: 1 }],
  });
  assertEquals(booted.command("kernels").rows.length, 3);
  assertEquals(booted.kernelOf("NetStack"), "card0");
});

Deno.test("the command line boots to its prompt without the card, and says why in one line", async () => {
  using folder = new TemporaryFolder();
  const file = folder.write(
    "faulty.json",
    changedMachine("helios", (machine) => boardOf(machine).dramFaults = [{ address: 0x10_0000, xor: 128 }]),
  );
  const { status, stdout, stderr } = await helios(["boot", "--machine", file, "--exec", "echo hello"]);
  assertEquals(status, 0, stderr);
  assertMatch(stdout, /^hello\n/);
  assertEquals(
    stderr.split("\n").filter((line) => line.includes("satellite kernel on the IOP348")).length,
    1,
  );
});

Deno.test("without SRAT there is one kernel over all CPUs of the host", () => {
  const booted = new BootedMachine({ change: (machine) => machine.acpi.srat = false });
  const rows = booted.command("kernels").rows;
  assertEquals(rows.map(({ name, cpus, place }) => [name, cpus, place]), [
    ["coordinator", 4, "domain 0"],
    ["card0", 1, "card 0"],
  ]);
  assert(booted.bootLog.some((line) => /no SRAT/.test(line)), booted.bootLog.join("\n"));
  assert(booted.ping() > 0);
});
