/**
 * Board driver: brings up the satellite kernel on an IOP348 board.
 *
 * It copies the satellite image into the card's memory, tells the card's firmware to
 * start it, waits for the kernel's word, and hands the messaging unit to this kernel.
 * - A card that refuses the image, or says nothing for 2 s, costs one line on standard
 *   output and exit status 1; the machine goes on without it.
 * - After the attach it stays, so that the device stays claimed.
 *
 * Paper, section 3.3; hardware-reference.md section 2.9.
 */

import { reasonOf } from "../../abi/errors.ts";
import type { Call, Device, Kernel, Program, SystemCalls } from "../../abi/kernel.ts";
import type { ProgramDeclaration } from "../../abi/program.ts";
import { writeText } from "../../abi/text.ts";
import { pipeContract } from "../../contracts/pipe.ts";
import {
  kernelUp,
  memoryBar,
  MessagingUnit,
  messagingUnitBar,
  refusalOf,
  started,
} from "./messaging_unit.ts";

export const program = {
  name: "BoardDriver",
  doc: "Brings up the satellite kernel on an IOP348 board",
  devices: [{ vendorId: 0x8086, deviceId: 0x3310 }],
  privileges: ["system"],
} as const satisfies ProgramDeclaration;

const isa = "armv5te";
/** Above the firmware's vectors and stacks; the image's header names the address that it is moved to. */
const imageAddress = 0x0010_0000;
const answerTimeoutNs = 2e9;

/** PCI command register (hardware-reference.md section 1.1): memory space and bus master. */
const commandRegister = 0x04;
const memorySpace = 1 << 1;
const busMaster = 1 << 2;
/** The register's upper half is the status, whose ones clear what they are written to. */
const commandMask = 0xffff;

export default function* main(kernel: Kernel): Program {
  const { device, system } = kernel;
  if (device === undefined || system === undefined) {
    yield* writeText(
      kernel,
      kernel.stdout,
      "BoardDriver: cannot start without a card and system privilege\n",
    );
    return 1;
  }
  let refusal: string | undefined;
  try {
    refusal = yield* bringUp(kernel, device, system);
  } catch (error) {
    refusal = reasonOf(error);
  }
  if (refusal !== undefined) {
    const place = `IOP348 at ${device.location}`;
    yield* writeText(
      kernel,
      kernel.stdout,
      `Cannot start the satellite kernel on the ${place}: ${refusal}\n`,
    );
    return 1;
  }
  // A channel whose other end nobody uses: this waits for ever, without a timer, and the card stays claimed.
  const { client } = yield* kernel.createChannel(pipeContract);
  yield* client.receiveOrClosed();
  return 0;
}

/** Copies, starts, waits, attaches; returns why the card does not run, or undefined. */
function* bringUp(kernel: Kernel, device: Device, system: SystemCalls): Call<string | undefined> {
  const command = (yield* device.readConfiguration32(commandRegister)) & commandMask;
  yield* device.writeConfiguration32(commandRegister, command | memorySpace | busMaster);
  const unit = new MessagingUnit(device);
  yield* unit.initialise();
  const image = yield* system.satelliteImage(isa);
  yield* device.writeMemory(memoryBar, imageAddress, image);
  yield* kernel.free(image);
  yield* unit.start(imageAddress);
  const answer = yield* untilUp(kernel, device, unit);
  yield* unit.release();
  if (typeof answer === "string") return answer;
  const card = yield* system.attachCard({ messagingUnitBar, memoryBar, bootInfo: answer.bootInfo });
  yield* system.log(`${card.kernel}: satellite kernel up`);
  return undefined;
}

/** Takes the card's answers until its kernel is up; a text says why it will not be. */
function* untilUp(
  kernel: Kernel,
  device: Device,
  unit: MessagingUnit,
): Call<string | { readonly bootInfo: number }> {
  let awaited = "its firmware has not answered";
  let deadline = (yield* kernel.now()) + answerTimeoutNs;
  for (;;) {
    const left = deadline - (yield* kernel.now());
    if (left <= 0) return `${awaited} within ${answerTimeoutNs / 1e9} s`;
    const event = yield* kernel.select({ interrupt: device.interrupt }, left);
    if (event.on === "timeout") continue;
    const answer = yield* unit.takeAnswer();
    yield* device.interrupt.acknowledge();
    if (answer === undefined) continue;
    if (answer.code === kernelUp) return { bootInfo: answer.address };
    if (answer.code !== started) return refusalOf(answer.code);
    awaited = "its kernel was started but has not come up";
    deadline = (yield* kernel.now()) + answerTimeoutNs;
  }
}
