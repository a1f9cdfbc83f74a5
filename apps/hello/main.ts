/**
 * Hello: the smallest program with a contract of its own; a template for yours.
 *
 * `Hello` serves `/service/hello` until it is killed; `Hello NAME` asks that service and prints the answer.
 * - The greeting names the kernel and the ISA that the service runs on.
 * - Exit status 1, with the reason, when the name is taken or nobody serves it.
 */

import { reasonOf } from "../../kernel/abi/errors.ts";
import type { Call, Kernel, Program } from "../../kernel/abi/kernel.ts";
import type { ProgramDeclaration } from "../../kernel/abi/program.ts";
import { writeText } from "../../kernel/abi/text.ts";
import { helloContract, helloPath } from "../contracts/hello.ts";

export const program = {
  name: "Hello",
  doc: "Greets, and tells which kernel it runs on",
  endpoints: [helloContract],
  services: [{ contract: helloContract, path: helloPath }],
  parameters: [{ name: "NAME", doc: "Asks for a greeting of NAME; without it, the program serves" }],
} as const satisfies ProgramDeclaration;

/** What the contract says about long names; a text in a message is bounded too. */
const nameSizeMax = 100;
/** A service that was started just before has so long to appear. */
const bindTimeoutNs = 1e9;

export default function* main(kernel: Kernel): Program {
  const [name] = kernel.arguments;
  try {
    if (name === undefined) yield* serve(kernel);
    else yield* ask(kernel, name);
  } catch (error) {
    yield* writeText(kernel, kernel.stdout, `Cannot greet: ${reasonOf(error)}\n`);
    return 1;
  }
}

function* serve(kernel: Kernel): Call<never> {
  const service = yield* kernel.register(helloContract, helloPath);
  const clients = kernel.endpointSet<typeof helloContract, "server", undefined>(helloContract, "server");
  for (;;) {
    const event = yield* kernel.select({ clients, service });
    if (event.on === "service") clients.add(event.endpoint, undefined);
    else if (event.on === "clients" && event.kind === "message") {
      const name = event.message.name.slice(0, nameSizeMax);
      const text = `Hello, ${name}, from ${kernel.kernelName} (${kernel.isa})!`;
      yield* event.endpoint.send("greeting", { text });
    }
  }
}

function* ask(kernel: Kernel, name: string): Call<void> {
  const greeter = yield* kernel.bind(helloContract, helloPath, bindTimeoutNs);
  yield* greeter.send("greet", { name });
  const { text } = yield* greeter.receive();
  yield* writeText(kernel, kernel.stdout, `${text}\n`);
}
