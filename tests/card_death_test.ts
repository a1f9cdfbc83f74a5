/**
 * The kernel of a card dies, by a panic or because its core stops: what the others see, and how it comes again.
 *
 * The card has the NIC with the cable, so all that Helios serves to the LAN hangs on it.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { BootedMachine } from "./machine_bench.ts";

const ways: Readonly<
  Record<string, { die(booted: BootedMachine): void; reason: string; withinSeconds: number }>
> = {
  "panics": {
    die: (booted) => booted.panic(booted.host.cardKernels[0]!, "the bug"),
    reason: "kernel panic: the bug",
    withinSeconds: 1e-3,
  },
  "stops without a word": {
    die: (booted) => booted.machine.cards[0]!.cpus[0]!.stop(),
    reason: "no heartbeat for 30 ms",
    withinSeconds: 0.036,
  },
};

/** Names by kernel, without those of processes, which have other numbers in each life. */
function namesOf(booted: BootedMachine, kernel: string): string[] {
  return booted.command("ns").rows.filter((row) => row.kernel === kernel).map(({ path }) => `${path}`).sort();
}

for (const [way, { die, reason, withinSeconds }] of Object.entries(ways)) {
  Deno.test(`when a card's kernel ${way}, its names and channels go, the others go on, and it starts again`, () => {
    const booted = new BootedMachine();
    booted.ping();
    const before = namesOf(booted, "card0");
    assert(before.includes("/kernels/card0") && before.includes("/performance/card0"), `${before}`);
    const elsewhere = namesOf(booted, "coordinator");

    die(booted);
    const seen = () => booted.bootLog.some((line) => line.includes(`card0 is down: ${reason}`));
    assert(booted.until(seen, withinSeconds), booted.bootLog.slice(-3).join("\n"));
    booted.run(3);
    const { rows } = booted.command("kernels");
    assertEquals(rows.map(({ name, state }) => `${name} ${state}`), [
      "coordinator up",
      "numa1 up",
      "card0 down",
    ]);
    assertEquals(rows[2]!.reason, reason);
    assertEquals(namesOf(booted, "card0"), []);
    assertEquals(elsewhere.filter((path) => !namesOf(booted, "coordinator").includes(path)), []);
    assert(!JSON.stringify(booted.command("channels").rows).includes("@card0"));
    assert(!booted.command("ps").rows.some(({ kernel }) => kernel === "card0"));
    assertEquals(booted.command("ls /").status, 0);

    assertEquals(booted.command("restart card0").status, 0);
    booted.run(5);
    assertStringIncludes(booted.bootLog.join("\n"), "card0 was started again");
    // What the card itself has is there again; the net stack has found another place, and its names with it.
    assertEquals(namesOf(booted, "card0"), ["/dev/nic0", "/kernels/card0", "/performance/card0"]);
    const everything = booted.command("ns").rows.map(({ path }) => path);
    assertEquals(before.filter((path) => !everything.includes(path)), []);
    booted.ping();
  });
}
