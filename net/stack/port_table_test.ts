/**
 * Ports: which is chosen, and when none is.
 */

import { assertEquals } from "@std/assert";
import { PortTable } from "./port_table.ts";
import { RandomNumbers } from "./random_numbers.ts";

Deno.test("a port is held by one and free again when released", () => {
  const ports = new PortTable<string>(4, () => 0);
  assertEquals(ports.choose(53), 53);
  ports.hold(53, "first");
  assertEquals([ports.choose(53), ports.holder(53)], ["PortInUse", "first"]);
  ports.release(53);
  assertEquals([ports.choose(53), ports.holder(53)], [53, undefined]);
});

Deno.test("port 0 gets a free dynamic port, whatever the random start", () => {
  const random = new RandomNumbers(1);
  const ports = new PortTable<number>(64, () => random.next() % 2);
  const chosen = new Set<number>();
  for (let count = 0; count < 64; count++) {
    const port = ports.choose(0);
    if (typeof port === "string") throw new Error(port);
    ports.hold(port, count);
    chosen.add(port);
  }
  assertEquals(chosen.size, 64);
  assertEquals([...chosen].every((port) => port >= 49152 && port <= 65535), true);
  assertEquals([ports.choose(0), ports.choose(9)], ["TooMany", "TooMany"]);
});

Deno.test("random numbers differ from seed to seed and a zero seed still yields some", () => {
  const some = (seed: number) => {
    const random = new RandomNumbers(seed);
    return [random.next(), random.next(), random.next()];
  };
  assertEquals(some(7), some(7));
  assertEquals(new Set([...some(0), ...some(2), ...some(3)]).size, 9);
});
