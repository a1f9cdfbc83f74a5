/**
 * Tells programs how the interface is configured and what it counted.
 *
 * Serves `ipConfigContract`. Some counters are the driver's, so a request waits
 * until the driver has answered; requests that come meanwhile share the answer.
 */

import type { Call, Endpoint, Kernel, MessageFrom } from "../../kernel/abi/kernel.ts";
import { encodeText } from "../../kernel/abi/text.ts";
import type { InterfaceRow, ipConfigContract } from "../contracts/ip_config.ts";
import type { nicDeviceContract } from "../contracts/nic_device.ts";
import { formatIpv4Address, formatMac } from "../protocol/address.ts";
import type { IpInterface } from "./ip_interface.ts";
import type { Lease } from "./lease.ts";
import type { NicPort } from "./nic_port.ts";

type Client = Endpoint<typeof ipConfigContract, "server">;
type DriverCounters = Omit<
  Extract<MessageFrom<typeof nicDeviceContract, "server">, { readonly tag: "counted" }>,
  "tag"
>;

const waitingMax = 32;

export class IpConfigService {
  readonly #kernel: Kernel;
  readonly #interface: IpInterface;
  readonly #nic: NicPort;
  readonly #lease: Lease;
  readonly #waiting: Client[] = [];

  constructor(kernel: Kernel, ipInterface: IpInterface, nic: NicPort, lease: Lease) {
    this.#kernel = kernel;
    this.#interface = ipInterface;
    this.#nic = nic;
    this.#lease = lease;
  }

  /** A client wants the table. */
  *serve(client: Client): Call<void> {
    if (this.#waiting.length >= waitingMax) return yield* client.send("failed", { code: "TooMany" });
    this.#waiting.push(client);
    if (this.#waiting.length === 1) yield* this.#nic.askCounters();
  }

  forget(client: Client): void {
    const index = this.#waiting.indexOf(client);
    if (index >= 0) this.#waiting.splice(index, 1);
  }

  /** The driver has answered: so do we. */
  *answer(now: number, driver: DriverCounters): Call<void> {
    const bytes = encodeText(JSON.stringify([this.#row(now, driver)]));
    for (const client of this.#waiting.splice(0)) {
      const json = yield* this.#kernel.allocate(bytes.length);
      json.bytes.set(bytes);
      yield* client.send("rows", { json });
    }
  }

  #row(now: number, driver: DriverCounters): InterfaceRow {
    const { configured, drops, mac, mtu } = this.#interface;
    const dropped = drops.of("no frame is free") + drops.of("the queue to the driver is full");
    const notForUs = drops.of("packet is not for us") + drops.of("frame type is neither IPv4 nor ARP");
    let all = 0;
    for (const [, count] of drops.entries()) all += count;
    const router = configured?.router;
    const leaseLeftNs = this.#lease.leftNs(now);
    return {
      name: "nic0",
      mac: formatMac(mac),
      linkUp: this.#nic.linkUp,
      mtu,
      address: configured === undefined ? "" : formatIpv4Address(configured.address),
      mask: configured === undefined ? "" : formatIpv4Address(configured.subnetMask),
      router: router === undefined ? "" : formatIpv4Address(router),
      lease: this.#lease.state,
      leaseLeftNs: leaseLeftNs === Infinity ? null : leaseLeftNs,
      receivedFrames: this.#nic.receivedFrames,
      transmittedFrames: this.#nic.transmittedFrames,
      missedFrames: driver.missed,
      malformedFrames: driver.bad + all - dropped - notForUs,
      droppedFrames: driver.dropped + dropped,
    };
  }
}
