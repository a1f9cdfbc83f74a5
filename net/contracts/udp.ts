/**
 * UDP as programs see it: one channel to the service, one per socket.
 *
 * A program binds to `/service/udp`, asks for a port, and gets an endpoint that
 * sends and receives datagrams; closing it gives the port back.
 * - Addresses are IPv4 as u32, most significant byte first; ports are in host order.
 * - One `receiveFrom` and one `sendTo` may be outstanding at a time, side by side:
 *   who waits for an answer that got lost can send again.
 * - A socket keeps 64 datagrams for its reader; when full the newest is dropped.
 */

import type { Contract } from "../../kernel/contracts/contract.ts";

export const udpSocketContract = {
  name: "udp-socket/1",
  contractName: "UdpSocketContract",
  messages: {
    sendTo: {
      from: "client",
      doc: "Sends one datagram",
      body: { address: "u32", port: "u16", data: "bytes" },
    },
    sent: { from: "server", doc: "It is on its way; whether it arrives nobody says" },
    failed: {
      from: "server",
      doc: "It cannot be sent: longer than a packet can be, no route, or no address of our own yet",
      body: { code: ["TooLong", "Unreachable", "NoAddress"] },
    },
    receiveFrom: { from: "client", doc: "Wants the next datagram" },
    received: {
      from: "server",
      doc: "One datagram and who sent it",
      body: { address: "u32", port: "u16", data: "bytes" },
    },
  },
  start: "open",
  states: {
    open: { sendTo: "sending", receiveFrom: "receiving" },
    sending: { sent: "open", failed: "open", receiveFrom: "sendingAndReceiving" },
    receiving: { received: "open", sendTo: "sendingAndReceiving" },
    sendingAndReceiving: { sent: "receiving", failed: "receiving", received: "sending" },
  },
} as const satisfies Contract;

export const udpContract = {
  name: "udp/1",
  contractName: "UdpContract",
  messages: {
    bind: { from: "client", doc: "Wants a port of its own; 0 for any free one", body: { port: "u16" } },
    bound: {
      from: "server",
      doc: "The port, until the socket is closed",
      body: { socket: { endpoint: udpSocketContract, end: "client" }, port: "u16" },
    },
    failed: {
      from: "server",
      doc: "The port is taken, or no more sockets can be had",
      body: { code: ["PortInUse", "TooMany"] },
    },
  },
  start: "idle",
  states: {
    idle: { bind: "binding" },
    binding: { bound: "idle", failed: "idle" },
  },
} as const satisfies Contract;
