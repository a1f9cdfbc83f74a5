/**
 * Console driver: the 16550 UART as `/dev/console`.
 *
 * Programs attach pipes: what is typed goes to the input pipe attached last, what
 * arrives on any output pipe is shown. Bytes pass as they are.
 * - One thread does everything; it waits for the UART, for clients and for pipes at once.
 * - Everything is bounded: 64 clients, 64 output pipes with one block each, 8 readers,
 *   4,096 typed bytes; a further client is turned away, a further pipe answered `failed`.
 * - When the terminal hangs up (carrier lost), readers get end of input.
 */

import { unlessClosed } from "../../abi/errors.ts";
import type { Call, Device, Endpoint, Kernel, MessageFrom, Program } from "../../abi/kernel.ts";
import type { ProgramDeclaration } from "../../abi/program.ts";
import { writeText } from "../../abi/text.ts";
import { consoleContract } from "../../contracts/console.ts";
import { pipeContract } from "../../contracts/pipe.ts";
import { type OutputPipe, OutputQueue } from "./output_queue.ts";
import { type InputPipe, TypedInput } from "./typed_input.ts";
import { Uart } from "./uart.ts";

export const program = {
  name: "ConsoleDriver",
  doc: "Drives the 16550 UART that the console is on",
  services: [{ contract: consoleContract, path: "/dev/console" }],
  devices: [
    // A UART is no PCI function: the kernel lists it with vendor 0 and its type as device number.
    { vendorId: 0, deviceId: 0x16550 },
  ],
} as const satisfies ProgramDeclaration;

const clientsMax = 64;
const outputsMax = 64;
const nothing = new Uint8Array(0);
/** A UART that never runs out of causes must not keep the driver from its clients. */
const causesPerInterruptMax = 32;

export default function* main(kernel: Kernel): Program {
  if (kernel.device === undefined) {
    yield* writeText(kernel, kernel.stdout, "ConsoleDriver: cannot start without a UART\n");
    return 1;
  }
  const driver = new ConsoleDriver(kernel, kernel.device);
  return yield* driver.run();
}

class ConsoleDriver {
  readonly #kernel: Kernel;
  readonly #device: Device;
  readonly #uart: Uart;
  readonly #output: OutputQueue;
  readonly #typed: TypedInput;
  readonly #clients;
  readonly #outputs;
  readonly #inputs;
  /** The line is an edge: it says nothing more until the last cause has been taken. */
  #hasMoreCauses = false;

  constructor(kernel: Kernel, device: Device) {
    this.#kernel = kernel;
    this.#device = device;
    this.#uart = new Uart(device);
    this.#output = new OutputQueue(kernel, this.#uart);
    this.#typed = new TypedInput(kernel);
    this.#clients = kernel.endpointSet<typeof consoleContract, "server", undefined>(
      consoleContract,
      "server",
    );
    this.#outputs = kernel.endpointSet<typeof pipeContract, "server", OutputPipe>(pipeContract, "server");
    this.#inputs = kernel.endpointSet<typeof pipeContract, "client", InputPipe>(pipeContract, "client");
  }

  *run(): Program {
    yield* this.#uart.initialise();
    this.#typed.carrier(yield* this.#uart.hasCarrier());
    if (yield* this.#uart.isTransmitterEmpty()) yield* this.#output.fill();
    const service = yield* this.#kernel.register(consoleContract, "/dev/console");
    for (;;) {
      const event = yield* this.#kernel.select({
        interrupt: this.#device.interrupt,
        inputs: this.#inputs,
        outputs: this.#outputs,
        clients: this.#clients,
        service,
      }, this.#hasMoreCauses ? 0 : Infinity);
      switch (event.on) {
        case "interrupt":
          yield* this.#interrupted();
          yield* this.#device.interrupt.acknowledge();
          break;
        case "inputs":
          if (event.kind === "closed") this.#typed.detach(event.data);
          else event.data.unanswered = nothing;
          break;
        case "outputs":
          if (event.kind === "closed") event.data.closed = true;
          else yield* this.#output.add(event.data, event.message.data);
          break;
        case "clients":
          if (event.kind === "message") yield* this.#attach(event.endpoint, event.message);
          break;
        case "service":
          if (this.#clients.size < clientsMax) this.#clients.add(event.endpoint, undefined);
          else yield* event.endpoint.close();
      }
      if (this.#hasMoreCauses) yield* this.#interrupted();
      yield* this.#feed();
    }
  }

  *#interrupted(): Call<void> {
    this.#hasMoreCauses = true;
    for (let count = 0; count < causesPerInterruptMax; count++) {
      const event = yield* this.#uart.nextEvent();
      if (event === undefined) {
        this.#hasMoreCauses = false;
        return;
      }
      if (event === "received") yield* this.#receive();
      else if (event === "transmitterEmpty") yield* this.#output.fill();
      else if (event === "modemStatus") yield* this.#modemStatus();
    }
  }

  *#modemStatus(): Call<void> {
    this.#typed.carrier(yield* this.#uart.hasCarrier());
  }

  *#receive(): Call<void> {
    while (!this.#typed.isFull) {
      const byte = yield* this.#uart.receive();
      if (byte === undefined) return;
      this.#typed.add(byte);
    }
    yield* this.#uart.enableReceiver(false);
  }

  *#feed(): Call<void> {
    // What was typed before the hang-up may still be in the UART's FIFO.
    if (this.#typed.isEnding) yield* this.#receive();
    for (const reader of yield* this.#typed.feed()) this.#inputs.remove(reader.endpoint);
    if (!this.#typed.isFull) yield* this.#uart.enableReceiver(true);
  }

  *#attach(
    client: Endpoint<typeof consoleContract, "server">,
    request: MessageFrom<typeof consoleContract, "client">,
  ): Call<void> {
    let attached: boolean;
    if (request.tag === "attachInput") {
      attached = this.#typed.hasPlace;
      if (attached) this.#attachInput(request.input);
      else yield* request.input.close();
    } else {
      // Pipes that closed may still have a block in the queue, so that one is bounded too.
      attached = this.#outputs.size < outputsMax && this.#output.length < outputsMax;
      if (attached) this.#outputs.add(request.output, { endpoint: request.output, closed: false });
      else yield* request.output.close();
    }
    yield* unlessClosed(client.send(attached ? "attached" : "failed"));
  }

  #attachInput(endpoint: Endpoint<typeof pipeContract, "client">): void {
    const reader = { endpoint, unanswered: nothing };
    this.#typed.attach(reader);
    this.#inputs.add(endpoint, reader);
  }
}
