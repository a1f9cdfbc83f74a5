/**
 * TCP as programs see it: one channel to the service, one per connection.
 *
 * A program binds to `/service/tcp`, asks it to listen or to connect, and gets
 * an endpoint for each connection, which it may hand to another process.
 * - Addresses are IPv4 as u32, most significant byte first; ports are in host order.
 * - On a connection one request is outstanding at a time.
 * - Closing a connection's endpoint closes it in order: what was written is
 *   delivered first. `abort` resets it.
 */

import type { Contract } from "../../kernel/contracts/contract.ts";

export const tcpConnectionContract = {
  name: "tcp-connection/1",
  contractName: "TcpConnectionContract",
  messages: {
    read: {
      from: "client",
      doc: "Wants the next bytes; answered when there is at least one",
      body: { maximum: "u32" },
    },
    data: { from: "server", doc: "Bytes in order", body: { data: "bytes" } },
    endOfStream: { from: "server", doc: "The peer has finished sending" },
    cancelRead: {
      from: "client",
      doc: "Waits no longer; answered by `cancelled`, after what a read gave in the meantime",
    },
    cancelled: { from: "server", doc: "No read is outstanding any more; after this no byte is taken" },
    write: { from: "client", doc: "Sends all of these bytes", body: { data: "bytes" } },
    written: { from: "server", doc: "All of them are in the send buffer; more may be written" },
    finish: { from: "client", doc: "Sends FIN after all that was written; reading goes on" },
    finished: { from: "server", doc: "FIN is queued" },
    abort: { from: "client", doc: "Sends RST at once" },
    failed: {
      from: "server",
      doc: "The connection is gone",
      body: { code: ["Reset", "TimedOut", "NotConnected"] },
    },
  },
  start: "open",
  states: {
    open: { read: "reading", cancelRead: "owing", write: "writing", finish: "finishing", abort: "closed" },
    reading: { data: "open", endOfStream: "open", cancelRead: "cancelling", failed: "closed" },
    cancelling: { data: "owing", endOfStream: "owing", cancelled: "open", failed: "gone" },
    owing: { cancelled: "open" },
    writing: { written: "open", failed: "closed" },
    finishing: { finished: "open", failed: "closed" },
    // A cancellation may cross the news that the connection is gone; then it is not answered.
    closed: { cancelRead: "gone" },
    gone: {},
  },
} as const satisfies Contract;

export const tcpContract = {
  name: "tcp/1",
  contractName: "TcpContract",
  messages: {
    listen: { from: "client", doc: "Wants connections to this port", body: { port: "u16", backlog: "u16" } },
    listening: { from: "server", doc: "The port is open", body: { port: "u16" } },
    accept: { from: "client", doc: "Wants the next connection" },
    accepted: {
      from: "server",
      doc: "A connection whose handshake is complete",
      body: {
        connection: { endpoint: tcpConnectionContract, end: "client" },
        remoteAddress: "u32",
        remotePort: "u16",
      },
    },
    connect: { from: "client", doc: "Wants a connection to a peer", body: { address: "u32", port: "u16" } },
    connected: {
      from: "server",
      doc: "The handshake is complete",
      body: { connection: { endpoint: tcpConnectionContract, end: "client" } },
    },
    failed: {
      from: "server",
      doc: "It cannot be done",
      body: { code: ["PortInUse", "Refused", "TimedOut", "Unreachable", "NoAddress", "TooMany"] },
    },
  },
  start: "idle",
  states: {
    idle: { listen: "opening", connect: "connecting" },
    opening: { listening: "listening", failed: "idle" },
    listening: { accept: "accepting" },
    accepting: { accepted: "listening", failed: "idle" },
    connecting: { connected: "idle", failed: "idle" },
  },
} as const satisfies Contract;
