/**
 * Satellite kernels are started again by a person, on a domain and on a card, and serve as before.
 */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { commandOf, helios, jsonLines, succeed } from "./command_line.ts";

Deno.test("a card's kernel is started again: its NIC driver comes back, and a host of the LAN answers through it", async () => {
  const words = ["boot", "--json", "--exec", "restart card0; kernels; ps; ping -c 1 10.0.2.2"];
  const { stdout: printed, stderr } = await succeed(words);
  // Services say on the console what they have lost.
  const stdout = printed.split("\n").filter((line) => line.startsWith("{")).join("\n");
  const rows = commandOf(stdout, "kernels").rows.map(({ name, state }) => `${name} ${state}`);
  assertEquals(rows, ["coordinator up", "numa1 up", "card0 up"]);
  const drivers = commandOf(stdout, "ps").rows.filter(({ program, kernel }) =>
    program === "NicDriver" && kernel === "card0"
  );
  assertEquals(drivers.length, 1);
  // The mail server ended, because the net stack was gone.
  assertEquals(commandOf(stdout, "ps").rows.filter(({ program }) => program === "Smtp").length, 1);
  assertMatch(stderr, /card0 is down: stopped, to be started again/);
  assertMatch(stderr, /card0 was started again/);
  assertEquals(jsonLines(stdout).find(({ command }) => command === "ping")!.status, 0);
});

Deno.test("a domain's kernel is started again, and what ran there runs elsewhere or there again", async () => {
  const { stdout, stderr } = await succeed(["boot", "--json", "--exec", "restart numa1; restart numa1; ps"]);
  const rows = commandOf(stdout, "ps").rows;
  for (const program of ["Antivirus", "Smtp", "MailStore"]) {
    assertEquals(rows.filter((row) => row.program === program).length, 1, program);
  }
  assertEquals(
    rows.filter(({ kernel }) => kernel === "numa1").some(({ program }) => program === "Controller"),
    true,
  );
  assertEquals(stderr.match(/numa1 was started again/g)?.length, 2);
});

Deno.test("the coordinator, and a kernel that there is not, cannot be started again: a clear line says so", async () => {
  const coordinator = await helios(["boot", "--exec", "restart coordinator"]);
  assertStringIncludes(
    coordinator.stdout + coordinator.stderr,
    `Cannot start "coordinator" again: coordinator is the coordinator: only the machine can be started again`,
  );
  const nobody = await helios(["boot", "--exec", "restart nobody"]);
  assertStringIncludes(
    nobody.stdout + nobody.stderr,
    `Cannot start "nobody" again: No kernel is named "nobody"`,
  );
  assertEquals([coordinator.status, nobody.status], [1, 1]);
});
