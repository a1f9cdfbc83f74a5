/**
 * Credit between stack and driver: never more frames than granted, and each grant given back.
 */

import { assertEquals } from "@std/assert";
import type { Block, Call, Endpoint, KernelRequest } from "../../kernel/abi/kernel.ts";
import type { nicDeviceContract } from "../contracts/nic_device.ts";
import { FramePool } from "./frame_pool.ts";
import { IpInterface } from "./ip_interface.ts";
import { NicPort } from "./nic_port.ts";

function finish(call: Generator<KernelRequest, void, unknown>): void {
  while (!call.next().done);
}

function bench(transmitCredit: number) {
  const sent: { name: string; frames?: number }[] = [];
  const endpoint = {
    *send(name: string, body: { frames?: number }): Call<void> {
      yield { operation: "send" };
      sent.push({ name, ...("frames" in body ? { frames: body.frames } : {}) });
    },
  } as unknown as Endpoint<typeof nicDeviceContract, "client">;
  const port = new NicPort(endpoint, transmitCredit, true);
  const ipInterface = new IpInterface(1, 1500, new FramePool());
  const frame = {} as Block;
  return { sent, port, ipInterface, frame };
}

Deno.test("frames wait for credit, and go out when it comes back", () => {
  const { sent, port, ipInterface, frame } = bench(3);
  for (let count = 0; count < 5; count++) ipInterface.outgoing.push(frame);
  finish(port.flush(ipInterface));
  assertEquals([sent.length, ipInterface.outgoing.length], [3, 2]);
  finish(port.flush(ipInterface));
  assertEquals(sent.length, 3);
  port.noteTransmitted(1);
  finish(port.flush(ipInterface));
  assertEquals([sent.length, ipInterface.outgoing.length, port.transmittedFrames], [4, 1, 4]);
});

Deno.test("received frames are granted again in batches, neither more nor fewer than came", () => {
  const { sent, port } = bench(1);
  finish(port.open());
  for (let count = 0; count < 100; count++) finish(port.noteReceived());
  const [first, ...again] = sent.map(({ frames }) => frames!);
  assertEquals(again, [32, 32, 32]);
  assertEquals(first! > 32, true, "the driver could never send a whole batch");
  assertEquals(port.receivedFrames, 100);
});
