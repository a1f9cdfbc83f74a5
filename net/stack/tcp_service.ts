/**
 * TCP for programs: listening, accepting, connecting; and segments to and from the interface.
 *
 * Serves `tcpContract`; connections are `tcp_connections.ts`'s. The protocol machines
 * are `net/protocol/tcp`'s, and this file moves their segments.
 * - A client either listens or connects; one request is outstanding at a time.
 * - At most 256 connections, 64 listeners, and 256 clients; a listener's backlog is at most 64.
 * - A client that is gone closes its port; connections that it got stay.
 */

import type { Call, Endpoint, EndpointSet, Kernel, MessageFrom } from "../../kernel/abi/kernel.ts";
import { tcpContract } from "../contracts/tcp.ts";
import { frameSizeMax } from "../protocol/ethernet.ts";
import { ipProtocols, type Ipv4Packet } from "../protocol/ipv4.ts";
import type { TcpConnection } from "../protocol/tcp/connection.ts";
import { tcpHeader } from "../protocol/tcp/segment.ts";
import type { TcpListener } from "../protocol/tcp/tcp_listener.ts";
import { TcpTable } from "../protocol/tcp/tcp_table.ts";
import { type IpInterface, payloadAt } from "./ip_interface.ts";
import { TcpConnections } from "./tcp_connections.ts";

const connectionsMax = 256;
const listenersMax = 64;
const clientsMax = 256;
const backlogMax = 64;
/** With so many frames waiting for the driver, more segments would only wait there too. */
const outgoingEnough = 128;

type ClientEndpoint = Endpoint<typeof tcpContract, "server">;

/** What a client of the service has asked for. */
export interface TcpClient {
  readonly endpoint: ClientEndpoint;
  listener: TcpListener | undefined;
  /** An `accept` waits. */
  isAccepting: boolean;
  /** A `connect` waits for this handshake. */
  connecting: TcpConnection | undefined;
}

export class TcpService {
  readonly clients: EndpointSet<typeof tcpContract, "server", TcpClient>;
  readonly connections: TcpConnections;
  /** More segments are ready than there were frames for. */
  hasOutput = false;
  readonly #interface: IpInterface;
  readonly #table: TcpTable;
  readonly #listening = new Map<TcpListener, TcpClient>();
  readonly #connecting = new Map<TcpConnection, TcpClient>();

  constructor(kernel: Kernel, ipInterface: IpInterface, random: () => number) {
    this.#interface = ipInterface;
    this.clients = kernel.endpointSet(tcpContract, "server");
    this.connections = new TcpConnections(kernel);
    this.#table = new TcpTable({
      random,
      connectionCountMax: connectionsMax,
      // A program hands over a whole block per write, so Nagle's algorithm would delay and hardly save a segment.
      settings: { maximumSegmentSize: ipInterface.payloadSizeMax - tcpHeader.size, noDelay: true },
    });
  }

  /** A new client, or one too many. */
  *admit(endpoint: ClientEndpoint): Call<void> {
    if (this.clients.size >= clientsMax) return yield* endpoint.close();
    this.clients.add(endpoint, { endpoint, listener: undefined, isAccepting: false, connecting: undefined });
  }

  /** A client asks for something. */
  *serve(now: number, client: TcpClient, message: MessageFrom<typeof tcpContract, "client">): Call<void> {
    switch (message.tag) {
      case "listen":
        return yield* this.#listen(client, message.port, message.backlog);
      case "accept":
        client.isAccepting = true;
        return yield* this.#accept(client);
      case "connect":
        return yield* this.#connect(now, client, message.address, message.port);
    }
  }

  *#listen(client: TcpClient, port: number, backlog: number): Call<void> {
    const { endpoint } = client;
    if (this.#listening.size >= listenersMax) return yield* endpoint.send("failed", { code: "TooMany" });
    const listener = this.#table.listen(port, Math.min(backlog, backlogMax));
    if (listener === "PortInUse") return yield* endpoint.send("failed", { code: listener });
    client.listener = listener;
    this.#listening.set(listener, client);
    yield* endpoint.send("listening", { port: listener.port });
  }

  /** Answers a waiting `accept` if a connection is there. */
  *#accept(client: TcpClient): Call<void> {
    while (client.isAccepting) {
      const tcp = client.listener?.accept();
      if (tcp === undefined) return;
      // The peer may have reset it since.
      if (tcp.state === "CLOSED") continue;
      client.isAccepting = false;
      const connection = yield* this.connections.open(tcp);
      const { remoteAddress, remotePort } = tcp.addresses;
      yield* client.endpoint.send("accepted", { connection, remoteAddress, remotePort });
    }
  }

  *#connect(now: number, client: TcpClient, address: number, port: number): Call<void> {
    const { endpoint } = client;
    const source = this.#interface.sourceFor(address);
    if (source === undefined) return yield* endpoint.send("failed", { code: "NoAddress" });
    if (!this.#interface.isReachable(address)) return yield* endpoint.send("failed", { code: "Unreachable" });
    const tcp = this.#table.connect(now, source, address, port);
    if (tcp === "TooMany") return yield* endpoint.send("failed", { code: tcp });
    client.connecting = tcp;
    this.#connecting.set(tcp, client);
  }

  /** Answers a waiting `connect` if its handshake has ended. */
  *#finishConnect(client: TcpClient, tcp: TcpConnection): Call<void> {
    if (tcp.state === "SYN-SENT" || tcp.state === "SYN-RECEIVED") return;
    client.connecting = undefined;
    this.#connecting.delete(tcp);
    if (tcp.state !== "CLOSED") {
      const connection = yield* this.connections.open(tcp);
      yield* client.endpoint.send("connected", { connection });
    } else {
      const code = tcp.failure === "TimedOut" ? "TimedOut" : "Refused";
      yield* client.endpoint.send("failed", { code });
    }
  }

  /** A client is gone: its port closes, and a handshake that it waited for is given up. */
  closeClient(client: TcpClient): void {
    const { listener, connecting } = client;
    if (listener !== undefined) {
      this.#listening.delete(listener);
      listener.close();
    }
    if (connecting !== undefined) {
      this.#connecting.delete(connecting);
      connecting.abort();
    }
  }

  /** A packet with a segment came. */
  receive(now: number, packet: Ipv4Packet): void {
    this.#table.segment(now, packet.source, packet.destination, packet.payload);
  }

  nextTimer(): number {
    return this.#table.nextTimer() ?? Infinity;
  }

  /** Does what is due, answers requests that can be answered, and sends what is to be sent. */
  *settle(now: number): Call<void> {
    if (now >= this.nextTimer()) this.#table.timer(now);
    for (let tcp = this.#table.takeChanged(); tcp !== undefined; tcp = this.#table.takeChanged()) {
      const client = this.#connecting.get(tcp);
      if (client !== undefined) yield* this.#finishConnect(client, tcp);
      else yield* this.connections.changed(now, tcp);
    }
    for (let port = this.#table.takeAcceptable(); port !== undefined; port = this.#table.takeAcceptable()) {
      const client = this.#listening.get(port);
      if (client !== undefined) yield* this.#accept(client);
    }
    this.#emit(now);
  }

  #emit(now: number): void {
    this.hasOutput = false;
    while (this.#interface.outgoing.length < outgoingEnough) {
      if (!this.#interface.hasFreeFrame) {
        this.hasOutput = true;
        return;
      }
      const block = this.#interface.take()!;
      block.window(0, frameSizeMax);
      const segment = this.#table.poll(now, block.bytes, payloadAt);
      if (segment === undefined) {
        this.#interface.giveBack(block);
        return;
      }
      const { source, destination, size } = segment;
      this.#interface.dispatch(now, block, source, destination, ipProtocols.tcp, size);
    }
  }
}
