/**
 * NIC driver: gives an Intel 8254x to one client at a time as `/dev/nic<n>`.
 *
 * The same program serves the adapter on the host bus and the one on the card.
 * - The name, with the lowest free n, appears when the link first comes up: a NIC
 *   without a cable is not advertised.
 * - A second client's channel is closed at once; when the first is gone, the next may come.
 * - Received frames wait in the ring until the client grants credit; when the ring
 *   is full, the device drops the newest and counts it (MPC).
 * - Sent frames are staged while more messages wait, then handed over with one doorbell.
 */

import type {
  Call,
  Device,
  Endpoint,
  EndpointSet,
  Kernel,
  MessageFrom,
  Program,
  Service,
} from "../../kernel/abi/kernel.ts";
import type { ProgramDeclaration } from "../../kernel/abi/program.ts";
import { isKernelError } from "../../kernel/abi/errors.ts";
import { nicDeviceContract } from "../contracts/nic_device.ts";
import { Adapter, mtu } from "./adapter.ts";
import { mask } from "./registers.ts";
import { ringSlots } from "./rings.ts";

export const program = {
  name: "NicDriver",
  doc: "Drives an Intel 8254x network adapter",
  services: [
    // The name of the first adapter with a link; further ones get the next free names.
    { contract: nicDeviceContract, path: "/dev/nic0" },
  ],
  devices: [
    { vendorId: 0x8086, deviceId: 0x100e },
    { vendorId: 0x8086, deviceId: 0x1026 },
  ],
} as const satisfies ProgramDeclaration;

type Client = Endpoint<typeof nicDeviceContract, "server">;

/** Frames that a client may have in the transmit ring: all slots but the one that stays empty. */
const transmitCredit = ringSlots - 1;
/** Ring a doorbell at the latest after so many frames. */
const stagedMax = 32;
/** Frames passed on before other work gets its turn. */
const receiveBatch = 64;
/** A device that reports no transmission for so long, with its link up, has stopped. */
const watchdogNs = 2_000_000_000;
/** Names tried: /dev/nic0 up to this one. */
const nicCountMax = 16;

class NicDriver {
  readonly #kernel: Kernel;
  readonly #adapter: Adapter;
  /** Holds at most one client. */
  readonly #clients: EndpointSet<typeof nicDeviceContract, "server", undefined>;
  readonly #sources: {
    readonly interrupt: Device["interrupt"];
    readonly clients: EndpointSet<typeof nicDeviceContract, "server", undefined>;
    readonly service: Service<typeof nicDeviceContract>;
  };
  #client: Client | undefined = undefined;
  #running = false;
  #linkUp = true;
  /** What the client knows of the link, and how many more changes it may be told before it has seen some. */
  #linkTold = true;
  #linkNews = 0;
  #receiveCredit = 0;
  /** Frames may wait in the ring without another interrupt to tell of them. */
  #receivePending = false;

  constructor(kernel: Kernel, device: Device, adapter: Adapter, service: Service<typeof nicDeviceContract>) {
    this.#kernel = kernel;
    this.#adapter = adapter;
    this.#clients = kernel.endpointSet(nicDeviceContract, "server");
    this.#sources = { interrupt: device.interrupt, clients: this.#clients, service };
  }

  *run(): Call<never> {
    for (;;) {
      const occurrence = yield* this.#kernel.select(this.#sources, this.#patience());
      switch (occurrence.on) {
        case "interrupt":
          yield* this.#interrupted();
          break;
        case "clients":
          if (occurrence.kind === "closed") yield* this.#forgetClient();
          else yield* this.#serve(occurrence.message);
          break;
        case "service":
          yield* this.#admit(occurrence.endpoint);
          break;
        case "timeout":
          yield* this.#idle();
          break;
      }
      if (this.#adapter.staged >= stagedMax) yield* this.#adapter.flush();
    }
  }

  /** How long to wait for something to happen before `#idle`. */
  #patience(): number | undefined {
    if (this.#adapter.staged > 0 || this.#receivePending && this.#receiveCredit > 0) return 0;
    return this.#adapter.transmitting > 0 && this.#linkUp ? watchdogNs : undefined;
  }

  *#idle(): Call<void> {
    if (this.#adapter.staged > 0) {
      yield* this.#adapter.flush();
    } else if (this.#receivePending && this.#receiveCredit > 0) {
      yield* this.#receive();
    } else if (this.#adapter.transmitting > 0) {
      yield* this.#reclaim();
      if (this.#adapter.transmitting > 0) yield* this.#recover();
    }
  }

  *#interrupted(): Call<void> {
    const causes = yield* this.#adapter.takeCauses();
    if ((causes & mask("ICR", "LSC")) !== 0) yield* this.#checkLink();
    if ((causes & mask("ICR", "RXT0", "RXO", "RXDMT0")) !== 0) yield* this.#receive();
    if (this.#adapter.transmitting > this.#adapter.staged) yield* this.#reclaim();
  }

  *#checkLink(): Call<void> {
    const up = yield* this.#adapter.linkUp();
    if (up === this.#linkUp) return;
    this.#linkUp = up;
    yield* this.#tellLink();
  }

  *#tellLink(): Call<void> {
    if (!this.#running || this.#linkNews === 0 || this.#linkTold === this.#linkUp) return;
    this.#linkNews--;
    this.#linkTold = this.#linkUp;
    yield* this.#client!.send("linkChanged", { up: this.#linkUp });
  }

  *#receive(): Call<void> {
    this.#receivePending = true;
    if (!this.#running || this.#receiveCredit === 0) return;
    const limit = Math.min(receiveBatch, this.#receiveCredit);
    const frames = yield* this.#adapter.receive(limit);
    this.#receivePending = frames.length === limit;
    this.#receiveCredit -= frames.length;
    for (const frame of frames) yield* this.#client!.send("received", { frame });
  }

  *#reclaim(): Call<void> {
    yield* this.#returnCredit(yield* this.#adapter.reclaim());
  }

  *#recover(): Call<void> {
    const lost = yield* this.#adapter.recover();
    yield* this.#returnCredit(lost);
    if (this.#running) yield* this.#adapter.startReceiving();
  }

  *#returnCredit(frames: number): Call<void> {
    if (frames > 0 && this.#running) yield* this.#client!.send("transmitted", { frames });
  }

  *#admit(endpoint: Client): Call<void> {
    if (this.#client !== undefined) {
      yield* endpoint.close();
      return;
    }
    this.#client = endpoint;
    this.#linkTold = this.#linkUp;
    this.#linkNews = nicDeviceContract.credits.linkNews.initial;
    this.#clients.add(endpoint, undefined);
  }

  *#forgetClient(): Call<void> {
    yield* this.#adapter.stopReceiving();
    this.#client = undefined;
    this.#running = false;
    this.#receiveCredit = 0;
    this.#receivePending = false;
  }

  *#serve(message: MessageFrom<typeof nicDeviceContract, "client">): Call<void> {
    const client = this.#client!;
    switch (message.tag) {
      case "describe":
        this.#linkTold = this.#linkUp;
        return yield* client.send("described", { mac: this.#adapter.mac, mtu, linkUp: this.#linkUp });
      case "start":
        // Slots that frames of an earlier client still hold come back to this one as `transmitted`.
        yield* client.send("started", { transmitCredit: transmitCredit - this.#adapter.transmitting });
        this.#running = true;
        yield* this.#tellLink();
        return yield* this.#adapter.startReceiving();
      case "transmit": {
        const queued = yield* this.#adapter.queue(message.frame);
        if (!queued) yield* this.#returnCredit(1);
        return;
      }
      case "grant":
        this.#receiveCredit += message.frames;
        return;
      case "linkSeen":
        this.#linkNews++;
        return yield* this.#tellLink();
      case "count":
        yield* this.#adapter.updateCounters();
        return yield* client.send("counted", this.#adapter.counters);
    }
  }
}

/** Waits until the cable is plugged in and the link is up. */
function* waitForLink(device: Device, adapter: Adapter): Call<void> {
  while (!(yield* adapter.linkUp())) {
    yield* device.interrupt.wait();
    yield* adapter.takeCauses();
  }
}

/** Registers the lowest free `/dev/nic<n>`. */
function* registerNic(kernel: Kernel): Call<Service<typeof nicDeviceContract>> {
  for (let index = 0; index < nicCountMax; index++) {
    try {
      return yield* kernel.register(nicDeviceContract, `/dev/nic${index}`);
    } catch (error) {
      if (!isKernelError(error) || error.code !== "AlreadyRegistered") throw error;
    }
  }
  throw new Error(`Cannot register a NIC: /dev/nic0 to /dev/nic${nicCountMax - 1} are all taken`);
}

export default function* main(kernel: Kernel): Program {
  const device = kernel.device;
  if (device === undefined) throw new Error("Cannot drive a NIC: this process was given no device");
  const adapter = yield* Adapter.open(kernel, device);
  yield* waitForLink(device, adapter);
  const service = yield* registerNic(kernel);
  yield* new NicDriver(kernel, device, adapter, service).run();
}
