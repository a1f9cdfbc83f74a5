/**
 * A TAP interface of Linux, as a file descriptor: frames in, frames out, and a wait for the next.
 *
 * Deno has no TAP devices, so libc is called; the constants are those of the kernel's user headers
 * for x86-64 and arm64 (linux/if_tun.h, linux/if.h, poll.h, fcntl.h).
 * - An interface that is there already is attached to; another is made, and goes with the descriptor.
 * - Reads and writes never block. Only `wait` does, on a thread of its own, and `close` ends it.
 * - What the kernel refuses throws a TapError: one line with the interface and the reason.
 */

import { TapError } from "./tap_error.ts";

/** What became of a wait: frames are there, the interface was removed, or `close` was called. */
export type TapWait = "readable" | "removed" | "closed";

/** Frames to and from the host; tests bring their own. */
export interface TapDevice {
  readonly name: string;
  /** One wait at a time. */
  wait(): Promise<TapWait>;
  /** The size of the next frame, of which as much as fits is now in `into`; undefined when none waits. */
  read(into: Uint8Array): number | undefined;
  /** False when the host did not take the frame: its queue is full, or the interface is down. */
  write(frame: Uint8Array): boolean;
  close(): Promise<void>;
}

const symbols = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  ioctl: { parameters: ["i32", "usize", "buffer"], result: "i32" },
  ioctl_number: { name: "ioctl", parameters: ["i32", "usize", "usize"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32", nonblocking: true },
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

type Libc = Deno.DynamicLibrary<typeof symbols>;

const O_RDWR = 2;
const O_NONBLOCK = 0x800;
const O_CLOEXEC = 0x8_0000;
const TUNSETIFF = 0x4004_54ca;
const TUNSETOFFLOAD = 0x4004_54d0;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const POLLIN = 0x01;
const POLLERR = 0x08;
const POLLHUP = 0x10;
/** struct ifreq: 16 bytes of name, of which the last is 0, then a union that starts with the flags. */
const ifreqSize = 40;
const ifreqFlagsAt = 16;
const nameSizeMax = 15;

const errors = { EPERM: 1, ENOENT: 2, ENXIO: 6, EACCES: 13, EBUSY: 16, ENODEV: 19, EINVAL: 22 } as const;
const tunPath = "/dev/net/tun";

/** Attaches to the interface `name`, which is made if it is not there. */
export function openTapDevice(name: string): TapDevice {
  checkName(name);
  if (Deno.build.os !== "linux") {
    throw new TapError(name, `only Linux has TAP interfaces, not ${Deno.build.os}`);
  }
  const libc = loadLibc(name);
  let tun = -1;
  try {
    tun = libc.symbols.open(cString(tunPath), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tun < 0) throw new TapError(name, reasonOfOpen(errnoOf(libc)));
    const request = new Uint8Array(ifreqSize);
    request.set(new TextEncoder().encode(name));
    new Uint16Array(request.buffer, ifreqFlagsAt, 1)[0] = IFF_TAP | IFF_NO_PI;
    if (libc.symbols.ioctl(tun, BigInt(TUNSETIFF), request) < 0) {
      throw new TapError(name, reasonOfAttach(errnoOf(libc)));
    }
    // A program before us may have left it promising to fill in checksums itself.
    libc.symbols.ioctl_number(tun, BigInt(TUNSETOFFLOAD), 0n);
    const alarm = libc.symbols.eventfd(0, O_NONBLOCK | O_CLOEXEC);
    if (alarm < 0) throw new TapError(name, `eventfd failed with error ${errnoOf(libc)}`);
    return new LinuxTapDevice(name, libc, tun, alarm);
  } catch (error) {
    if (tun >= 0) libc.symbols.close(tun);
    libc.close();
    throw error;
  }
}

class LinuxTapDevice implements TapDevice {
  readonly name: string;
  readonly #libc: Libc;
  readonly #tun: number;
  /** An eventfd: a write to it ends the wait. */
  readonly #alarm: number;
  /** Two of struct pollfd: i32 fd, i16 events, i16 revents. */
  readonly #polled = new Int16Array(8);
  #waiting: Promise<TapWait> | undefined;
  #isClosed = false;

  constructor(name: string, libc: Libc, tun: number, alarm: number) {
    this.name = name;
    this.#libc = libc;
    this.#tun = tun;
    this.#alarm = alarm;
    const descriptors = new Int32Array(this.#polled.buffer);
    descriptors[0] = tun;
    descriptors[2] = alarm;
    this.#polled[2] = this.#polled[6] = POLLIN;
  }

  wait(): Promise<TapWait> {
    return this.#waiting = this.#poll();
  }

  async #poll(): Promise<TapWait> {
    while (!this.#isClosed) {
      // A signal may end the call early; then neither descriptor has anything to tell.
      const count = await this.#libc.symbols.poll(this.#polled, 2n, -1);
      const events = count > 0 ? this.#polled[3]! : 0;
      if (this.#isClosed) break;
      if ((events & (POLLERR | POLLHUP)) !== 0) return "removed";
      if ((events & POLLIN) !== 0) return "readable";
    }
    return "closed";
  }

  read(into: Uint8Array<ArrayBuffer>): number | undefined {
    const size = Number(this.#libc.symbols.read(this.#tun, into, BigInt(into.length)));
    return size > 0 ? size : undefined;
  }

  write(frame: Uint8Array<ArrayBuffer>): boolean {
    return Number(this.#libc.symbols.write(this.#tun, frame, BigInt(frame.length))) === frame.length;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#libc.symbols.write(this.#alarm, new Uint8Array(new BigUint64Array([1n]).buffer), 8n);
    await this.#waiting;
    this.#libc.symbols.close(this.#tun);
    this.#libc.symbols.close(this.#alarm);
    this.#libc.close();
  }
}

/** The kernel would take some of these and choose a name of its own. */
function checkName(name: string): void {
  const size = new TextEncoder().encode(name).length;
  if (size < 1 || size > nameSizeMax) {
    throw new TapError(name, `the name has ${size} bytes, must have 1 to ${nameSizeMax}`);
  }
  const bad = /[\s/:%\0]/.exec(name);
  if (bad !== null) throw new TapError(name, `an interface's name has no ${JSON.stringify(bad[0])}`);
  if (name === "." || name === "..") throw new TapError(name, "it is no name of an interface");
}

function loadLibc(name: string): Libc {
  try {
    return Deno.dlopen("libc.so.6", symbols);
  } catch (error) {
    throw new TapError(name, `cannot load libc.so.6: ${(error as Error).message}`);
  }
}

function reasonOfOpen(errno: number): string {
  switch (errno) {
    case errors.EACCES:
    case errors.EPERM:
      return "permission denied";
    case errors.ENOENT:
    case errors.ENODEV:
    case errors.ENXIO:
      return `this host has no ${tunPath}`;
    default:
      return `opening ${tunPath} failed with error ${errno}`;
  }
}

function reasonOfAttach(errno: number): string {
  switch (errno) {
    case errors.EACCES:
    case errors.EPERM:
      return "permission denied";
    case errors.EBUSY:
      return "another program is attached to it";
    case errors.EINVAL:
      return "it is no TAP interface, or one of several queues";
    default:
      return `the kernel refused it with error ${errno}`;
  }
}

/** Ask at once after the call that failed. */
function errnoOf(libc: Libc): number {
  return new Deno.UnsafePointerView(libc.symbols.__errno_location()!).getInt32();
}

const cString = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(`${text}\0`);
