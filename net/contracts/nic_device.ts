/**
 * A network interface as its driver offers it: Ethernet frames both ways.
 *
 * The net stack binds to `/dev/nic0`, asks what the interface is, and starts it.
 * - A frame is one block, its window the frame from destination address to the
 *   last byte of payload, without the frame check sequence; blocks change hands, so nothing is copied.
 * - Both directions run at once in state `running`, each bounded by a credit, which comes
 *   back in batches: one message then pays for many frames.
 * - One client at a time; a second one's channel is closed at once. Closing the channel stops the interface.
 * - MAC addresses are u64: six bytes, the first on the wire most significant.
 */

import type { Contract } from "../../kernel/contracts/contract.ts";

/** The most frames that may be under way in one direction; rings of the devices hold fewer. */
const framesMax = 1024;
const frameCount = { scalar: "u16", min: 1, max: framesMax } as const;

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
      body: { transmitCredit: { scalar: "u16", min: 0, max: framesMax } },
      gives: { credit: "transmitting", amount: "transmitCredit" },
    },
    transmit: {
      from: "client",
      doc: "Puts one frame on the wire",
      body: { frame: "bytes" },
      uses: "transmitting",
    },
    transmitted: {
      from: "server",
      doc: "So many frames are done with, sent or dropped: their credit is back",
      body: { frames: frameCount },
      gives: { credit: "transmitting", amount: "frames" },
    },
    grant: {
      from: "client",
      doc: "Allows so many more received frames",
      body: { frames: frameCount },
      gives: { credit: "receiving", amount: "frames" },
    },
    received: {
      from: "server",
      doc: "One frame off the wire",
      body: { frame: "bytes" },
      uses: "receiving",
    },
    linkChanged: {
      from: "server",
      doc: "The cable was plugged or pulled",
      body: { up: "bool" },
      uses: "linkNews",
    },
    linkSeen: {
      from: "client",
      doc: "Knows of the change; the next one may be told",
      gives: { credit: "linkNews", amount: 1 },
    },
    count: { from: "client", doc: "Wants the interface's counters", uses: "counting" },
    counted: {
      from: "server",
      doc: "Frames since the driver started; `missed` found no buffer, `bad` were damaged, `dropped` were " +
        "refused for sending: too long, too short, or lost in a reset",
      body: { received: "u64", missed: "u64", bad: "u64", transmitted: "u64", dropped: "u64" },
      gives: { credit: "counting", amount: 1 },
    },
  },
  credits: {
    transmitting: { doc: "Frames to send", user: "client", limit: framesMax, initial: 0 },
    receiving: { doc: "Frames that were received", user: "server", limit: framesMax, initial: 0 },
    linkNews: { doc: "Changes that the client has not seen", user: "server", limit: 2, initial: 2 },
    counting: { doc: "Questions for the counters", user: "client", limit: 1, initial: 1 },
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
      linkSeen: "running",
      count: "running",
      counted: "running",
    },
  },
} as const satisfies Contract;
