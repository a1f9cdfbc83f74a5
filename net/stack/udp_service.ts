/**
 * UDP for programs: ports, sockets, and datagrams between them and the interface.
 *
 * Serves `udpContract` and `udpSocketContract`.
 * - A received datagram stays in the block of its frame; its window is narrowed to the data.
 * - 64 datagrams wait per socket, 64 sockets exist; the newest beyond that is dropped or refused.
 * - A datagram to a port that nobody holds is answered with Port Unreachable (RFC 1122 section 4.1.3.1).
 */

import type { Block, Call, Endpoint, EndpointSet, Kernel, MessageFrom } from "../../kernel/abi/kernel.ts";
import { udpContract, udpSocketContract } from "../contracts/udp.ts";
import { DropCounter } from "../protocol/drop_counter.ts";
import { ipProtocols, type Ipv4Packet } from "../protocol/ipv4.ts";
import { parseUdp, udpHeader, type UdpMalformation, writeUdp } from "../protocol/udp.ts";
import type { IpInterface } from "./ip_interface.ts";
import { PortTable } from "./port_table.ts";

const socketsMax = 64;
const queueMax = 64;

type SocketEndpoint = Endpoint<typeof udpSocketContract, "server">;

interface Datagram {
  readonly address: number;
  readonly port: number;
  readonly data: Block;
}

export interface UdpSocket {
  readonly port: number;
  readonly endpoint: SocketEndpoint;
  /** A `receiveFrom` waits for its answer. */
  wanting: boolean;
  readonly queue: Datagram[];
}

/** Takes the datagrams of a port that the stack itself uses. */
export type InternalReceiver = (now: number, payload: Uint8Array) => void;

export type UdpDropReason = UdpMalformation | "socket's queue is full" | "port has no socket";

export class UdpService {
  readonly drops = new DropCounter<UdpDropReason>();
  readonly sockets: EndpointSet<typeof udpSocketContract, "server", UdpSocket>;
  readonly #kernel: Kernel;
  readonly #interface: IpInterface;
  readonly #ports: PortTable<UdpSocket | InternalReceiver>;

  constructor(kernel: Kernel, ipInterface: IpInterface, random: () => number) {
    this.#kernel = kernel;
    this.#interface = ipInterface;
    this.#ports = new PortTable(socketsMax, random);
    this.sockets = kernel.endpointSet(udpSocketContract, "server");
  }

  /** Keeps a port for the stack itself. */
  reserve(port: number, receiver: InternalReceiver): void {
    this.#ports.hold(port, receiver);
  }

  /** A client of the service asks for a port. */
  *serve(
    client: Endpoint<typeof udpContract, "server">,
    message: MessageFrom<typeof udpContract, "client">,
  ): Call<void> {
    const port = this.#ports.choose(message.port);
    if (typeof port === "string") return yield* client.send("failed", { code: port });
    const channel = yield* this.#kernel.createChannel(udpSocketContract);
    const socket: UdpSocket = { port, endpoint: channel.server, wanting: false, queue: [] };
    this.#ports.hold(port, socket);
    this.sockets.add(channel.server, socket);
    yield* client.send("bound", { socket: channel.client, port });
  }

  /** A socket's holder wants something. */
  *serveSocket(
    now: number,
    socket: UdpSocket,
    message: MessageFrom<typeof udpSocketContract, "client">,
  ): Call<void> {
    switch (message.tag) {
      case "receiveFrom": {
        const datagram = socket.queue.shift();
        if (datagram === undefined) socket.wanting = true;
        else yield* socket.endpoint.send("received", datagram);
        return;
      }
      case "sendTo": {
        const { address, port, data } = message;
        const source = this.#interface.sourceFor(address);
        const failure = source === undefined
          ? "NoAddress"
          : this.send(now, source, socket.port, address, port, data.bytes);
        yield* this.#kernel.free(data);
        if (failure === undefined) yield* socket.endpoint.send("sent");
        else yield* socket.endpoint.send("failed", { code: failure });
      }
    }
  }

  /** Sends a datagram; why not, or undefined. */
  send(
    now: number,
    source: number,
    fromPort: number,
    destination: number,
    toPort: number,
    data: Uint8Array,
  ): "TooLong" | "Unreachable" | undefined {
    const length = udpHeader.size + data.length;
    const failure = this.#interface.send(now, source, destination, ipProtocols.udp, length, (bytes, at) => {
      bytes.set(data, at + udpHeader.size);
      writeUdp(bytes, at, source, fromPort, destination, toPort, data.length);
    });
    // A frame that found no room is lost like any other datagram.
    return failure === "Busy" ? undefined : failure;
  }

  /** The holder has closed the socket. */
  *close(socket: UdpSocket): Call<void> {
    this.#ports.release(socket.port);
    for (const { data } of socket.queue) yield* this.#kernel.free(data);
  }

  /** A datagram came, in `frame`: "taken" when the frame's block has gone to a socket. */
  *receive(
    now: number,
    packet: Ipv4Packet,
    frame: Block,
  ): Call<"taken" | "done" | "no such port"> {
    const datagram = parseUdp(packet);
    if (typeof datagram === "string") {
      this.drops.count(datagram);
      return "done";
    }
    const socket = this.#ports.holder(datagram.destinationPort);
    if (socket === undefined) {
      this.drops.count("port has no socket");
      return "no such port";
    }
    if (typeof socket === "function") {
      socket(now, datagram.payload);
      return "done";
    }
    if (!socket.wanting && socket.queue.length >= queueMax) {
      this.drops.count("socket's queue is full");
      return "done";
    }
    const { payload, sourcePort } = datagram;
    const isInFrame = payload.buffer === frame.bytes.buffer;
    const data = isInFrame ? frame : yield* this.#kernel.allocate(payload.length);
    // A reassembled payload lies outside any block.
    if (isInFrame) data.window(payload.byteOffset, payload.length);
    else data.bytes.set(payload);
    const received = { address: packet.source, port: sourcePort, data };
    if (socket.wanting) {
      socket.wanting = false;
      yield* socket.endpoint.send("received", received);
    } else {
      socket.queue.push(received);
    }
    return isInFrame ? "taken" : "done";
  }
}
