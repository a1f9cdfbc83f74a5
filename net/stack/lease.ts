/**
 * The DHCP client at work on an interface: its messages over UDP, its lease into use.
 *
 * - The interface has an address exactly while there is a lease.
 * - Messages that do not parse are counted and dropped; those that do not fit the
 *   client's state are ignored by it.
 */

import { type DhcpMalformation, dhcpPorts, parseDhcp } from "../protocol/dhcp.ts";
import { DhcpClient, type DhcpState } from "../protocol/dhcp_client.ts";
import { DropCounter } from "../protocol/drop_counter.ts";
import type { IpInterface } from "./ip_interface.ts";
import type { UdpService } from "./udp_service.ts";

export class Lease {
  readonly drops = new DropCounter<DhcpMalformation>();
  readonly #client: DhcpClient;
  readonly #interface: IpInterface;
  readonly #udp: UdpService;

  constructor(ipInterface: IpInterface, udp: UdpService, random: () => number) {
    this.#interface = ipInterface;
    this.#udp = udp;
    this.#client = new DhcpClient({ mac: ipInterface.mac, random });
    udp.reserve(dhcpPorts.client, (now, payload) => this.#receive(now, payload));
  }

  get state(): DhcpState {
    return this.#client.state;
  }

  /** Until it ends: `Infinity` for never, 0 when there is none. */
  leftNs(now: number): number {
    const { leaseEndsAt } = this.#client;
    return leaseEndsAt === undefined ? 0 : Math.max(0, leaseEndsAt - now);
  }

  nextTimer(): number {
    return this.#client.nextTimer();
  }

  /** Sends what is due and puts the lease, or its end, into force. Call it after each input. */
  poll(now: number): void {
    for (let message = this.#client.poll(now); message !== undefined; message = this.#client.poll(now)) {
      const { source, destination, payload } = message;
      this.#udp.send(now, source, dhcpPorts.client, destination, dhcpPorts.server, payload);
    }
    this.#interface.configure(this.#client.lease);
  }

  #receive(now: number, payload: Uint8Array): void {
    const message = parseDhcp(payload);
    if (typeof message === "string") this.drops.count(message);
    else this.#client.receive(now, message);
  }
}
