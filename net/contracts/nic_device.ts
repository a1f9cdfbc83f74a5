/**
 * A network interface as its driver offers it: Ethernet frames both ways.
 *
 * The net stack binds to `/dev/nic0`, asks what the interface is, and starts it.
 * - A frame is one block, its window the frame from destination address to the
 *   last byte of payload, without the frame check sequence; blocks change hands, so nothing is copied.
 * - Both directions run at once in state `running`, each bounded by credit: the
 *   client sends at most as many `transmit` as `started` and later `transmitted` granted,
 *   the driver at most as many `received` as `grant` allowed. Credit comes back in batches.
 * - One client at a time; a second one's channel is closed at once. Closing the channel stops the interface.
 * - MAC addresses are u64: six bytes, the first on the wire most significant.
 */

import type { Contract } from "../../kernel/contracts/contract.ts";

export const nicDeviceContract = {
  name: "nic-device/1",
  contractName: "NicDeviceContract",
  messages: {
    describe: { from: "client", doc: "Wants what is fixed about the interface, and its link" },
    described: {
      from: "server",
      doc: "Address, longest payload of a frame in bytes, and whether the link is up",
      body: { mac: "u64", mtu: "u16", linkUp: "bool" },
    },
    start: { from: "client", doc: "Wants frames; none are received before" },
    started: {
      from: "server",
      doc: "Frames may be sent, this many before the first `transmitted`",
      body: { transmitCredit: "u16" },
    },
    transmit: {
      from: "client",
      doc:
        "Puts one frame on the wire; uses one credit, and beyond the last the frame is dropped and counted",
      body: { frame: "bytes" },
    },
    transmitted: {
      from: "server",
      doc: "So many frames are done with, sent or dropped: their credit is back",
      body: { frames: "u16" },
    },
    grant: { from: "client", doc: "Allows so many more received frames", body: { frames: "u16" } },
    received: { from: "server", doc: "One frame off the wire; uses one grant", body: { frame: "bytes" } },
    linkChanged: { from: "server", doc: "The cable was plugged or pulled", body: { up: "bool" } },
    count: { from: "client", doc: "Wants the interface's counters" },
    counted: {
      from: "server",
      doc: "Frames since the driver started; `missed` found no buffer, `bad` were damaged, `dropped` were " +
        "refused for sending: too long, too short, beyond the credit, or lost in a reset",
      body: { received: "u64", missed: "u64", bad: "u64", transmitted: "u64", dropped: "u64" },
    },
  },
  start: "idle",
  states: {
    idle: { describe: "describing", start: "starting" },
    describing: { described: "idle" },
    starting: { started: "running" },
    running: {
      transmit: "running",
      transmitted: "running",
      grant: "running",
      received: "running",
      linkChanged: "running",
      count: "running",
      counted: "running",
    },
  },
} as const satisfies Contract;
