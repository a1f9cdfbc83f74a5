/**
 * A packet capture in the classic pcap format, for Wireshark and tcpdump.
 *
 * Frames carry virtual time stamps in nanoseconds since power-on.
 * - The magic number A1B23C4Dh says nanoseconds; the byte order is little-endian.
 * - Frames are collected and written 64 KiB at a time; `close` writes the rest.
 *
 * Format: the libpcap file format (pcap-savefile); link type 1 is Ethernet.
 */

import type { Clock } from "../time/event_queue.ts";
import { OutputFile } from "./output_file.ts";

const nanosecondMagic = 0xa1b23c4d;
const linkTypeEthernet = 1;
const fileHeaderBytes = 24;
const recordHeaderBytes = 16;
const snapshotBytesMax = 262_144;
const bufferBytes = 64 * 1024;

export class PcapFile {
  readonly #file: OutputFile;
  readonly #clock: Pick<Clock, "now">;
  readonly #buffer = new Uint8Array(bufferBytes);
  readonly #view = new DataView(this.#buffer.buffer);
  #used = fileHeaderBytes;

  /** Replaces a file that is there. */
  constructor(path: string, clock: Pick<Clock, "now">) {
    this.#clock = clock;
    this.#file = new OutputFile(path, "write packet capture");
    this.#view.setUint32(0, nanosecondMagic, true);
    this.#view.setUint16(4, 2, true); // version 2.4
    this.#view.setUint16(6, 4, true);
    this.#view.setUint32(16, snapshotBytesMax, true);
    this.#view.setUint32(20, linkTypeEthernet, true);
  }

  /** Adds a frame, stamped with the present. */
  frame(bytes: Uint8Array): void {
    const kept = Math.min(bytes.length, bufferBytes - recordHeaderBytes);
    if (this.#used + recordHeaderBytes + kept > bufferBytes) this.flush();
    const stamp = Math.floor(this.#clock.now);
    this.#view.setUint32(this.#used, Math.floor(stamp / 1e9), true);
    this.#view.setUint32(this.#used + 4, stamp % 1e9, true);
    this.#view.setUint32(this.#used + 8, kept, true);
    this.#view.setUint32(this.#used + 12, bytes.length, true);
    this.#buffer.set(bytes.subarray(0, kept), this.#used + recordHeaderBytes);
    this.#used += recordHeaderBytes + kept;
  }

  /** Writes what is collected. */
  flush(): void {
    this.#file.write(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }

  close(): void {
    this.flush();
    this.#file.close();
  }

  /** Takes back the opening: nothing was captured. */
  discard(): void {
    this.#file.discard();
  }
}
