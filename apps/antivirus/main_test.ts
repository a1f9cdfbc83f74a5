/**
 * The antivirus as a process: several clients, and their verdicts.
 *
 * Runs on the test kernel; a client is a program that binds to the service.
 */

import { assertEquals } from "@std/assert";
import type { Call, Endpoint, Kernel } from "../../kernel/abi/kernel.ts";
import { TestKernel } from "../../kernel/programs/testing/test_kernel.ts";
import { antivirusContract, antivirusPath } from "../contracts/antivirus.ts";
import main from "./main.ts";
import { eicarTestString } from "./signature.ts";

type Antivirus = Endpoint<typeof antivirusContract, "client">;

function* verdict(kernel: Kernel, antivirus: Antivirus, text: string): Call<string> {
  const data = yield* kernel.allocate(text.length);
  data.bytes.set(new TextEncoder().encode(text));
  yield* antivirus.send("checkFile", { data });
  const answer = yield* antivirus.receive();
  return answer.tag === "fileClean" ? "clean" : answer.name;
}

Deno.test("the antivirus gives each client its verdicts", () => {
  const kernel = new TestKernel();
  const service = kernel.start("Antivirus", main);
  const verdicts: string[] = [];
  const clients = ["one", "two"].map((name) =>
    kernel.start(name, function* (kernel) {
      const antivirus = yield* kernel.bind(antivirusContract, antivirusPath);
      for (const text of ["harmless", eicarTestString(), "harmless again"]) {
        verdicts.push(`${name}: ${yield* verdict(kernel, antivirus, text)}`);
      }
    })
  );
  kernel.run(() => clients.every(({ status }) => status !== undefined));
  assertEquals(clients.map(({ fault }) => fault), ["", ""]);
  assertEquals(service.fault, "");
  assertEquals(
    verdicts.sort(),
    ["one", "two"].flatMap((name) =>
      ["Eicar-Test-Signature", "clean", "clean"].map((text) => `${name}: ${text}`)
    ),
  );
});

Deno.test("the antivirus turns a 65th client away and takes one again when another has gone", () => {
  const kernel = new TestKernel();
  kernel.start("Antivirus", main);
  let turnedAway = false;
  const last = kernel.start("Clients", function* (kernel) {
    const clients: Antivirus[] = [];
    for (let count = 0; count < 64; count++) {
      const client = yield* kernel.bind(antivirusContract, antivirusPath);
      assertEquals(yield* verdict(kernel, client, "harmless"), "clean");
      clients.push(client);
    }
    const oneTooMany = yield* kernel.bind(antivirusContract, antivirusPath);
    turnedAway = (yield* oneTooMany.receiveOrClosed()) === undefined;
    yield* clients[0]!.close();
    yield* kernel.sleep(1e6);
    const next = yield* kernel.bind(antivirusContract, antivirusPath);
    assertEquals(yield* verdict(kernel, next, "harmless"), "clean");
  });
  kernel.run(() => last.status !== undefined);
  assertEquals(last.fault, "");
  assertEquals(turnedAway, true);
});

Deno.test("further scanners take the next free names, sixteen in all", () => {
  const kernel = new TestKernel();
  for (let count = 0; count < 17; count++) kernel.start("Antivirus", main);
  kernel.run();
  const paths = kernel.entries("/service", "children").map(({ path }) => path);
  assertEquals(paths.length, 16);
  assertEquals(paths.slice(0, 3), [antivirusPath, `${antivirusPath}1`, `${antivirusPath}10`]);
});
