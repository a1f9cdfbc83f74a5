/**
 * What `ping` is asked on its command line, and what it says about each echo.
 *
 * Plain functions, so that the wording is tested without a network.
 * - Times are virtual nanoseconds, printed as milliseconds with three decimals.
 */

import { formatIpv4Address, parseIpv4Address } from "../../net/contracts/address.ts";

export const usage = "usage: ping [-c COUNT] ADDRESS";

/** Echoes sent when no count is given: nobody can interrupt the program. */
const countDefault = 4;
const countMax = 65535;

export interface PingRequest {
  readonly address: number;
  readonly count: number;
}

/** The request, or a line that says what is wrong with it. */
export function parseArguments(words: readonly string[]): PingRequest | string {
  let count = countDefault;
  let address: number | undefined;
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    if (word === "-c") {
      const value = words[++index] ?? "";
      count = Number(value);
      if (value.trim() === "" || !Number.isInteger(count) || count < 1 || count > countMax) {
        return `Cannot ping: count is "${value}", must be 1 to ${countMax}`;
      }
    } else if (word.startsWith("-")) {
      return `Cannot ping: "${word}" is not an option; ${usage}`;
    } else if (address !== undefined) {
      return `Cannot ping: "${word}" comes after the address; ${usage}`;
    } else {
      address = parseIpv4Address(word);
      if (address === undefined) return `Cannot ping "${word}": not an IPv4 address, such as 10.0.2.2`;
    }
  }
  return address === undefined ? `Cannot ping: no address given; ${usage}` : { address, count };
}

/** What the code of a Destination Unreachable means (RFC 792). */
export function describeUnreachable(code: number): string {
  const name = ["network", "host", "protocol", "port"][code];
  return name === undefined ? `Destination unreachable, code ${code}` : `Destination ${name} unreachable`;
}

const milliseconds = (nanoseconds: number): string => (nanoseconds / 1e6).toFixed(3);

/** Counts echoes and replies, for the lines at the end. */
export class PingStatistics {
  readonly address: number;
  #sent = 0;
  #received = 0;
  #least = Infinity;
  #most = 0;
  #sum = 0;

  constructor(address: number) {
    this.address = address;
  }

  get received(): number {
    return this.#received;
  }

  noteSent(): void {
    this.#sent++;
  }

  /** Counts a reply; the line to print for it. */
  noteReply(sequence: number, size: number, timeToLive: number, roundTripNs: number): string {
    this.#received++;
    this.#sum += roundTripNs;
    this.#least = Math.min(this.#least, roundTripNs);
    this.#most = Math.max(this.#most, roundTripNs);
    const from = formatIpv4Address(this.address);
    return `${size} bytes from ${from}: icmp_seq=${sequence} ttl=${timeToLive} time=${
      milliseconds(roundTripNs)
    } ms\n`;
  }

  summary(): string {
    const received = this.#received;
    const loss = this.#sent === 0 ? 0 : Math.round(100 * (this.#sent - received) / this.#sent);
    const lines = `--- ${formatIpv4Address(this.address)} ping statistics ---\n` +
      `${this.#sent} packets transmitted, ${received} received, ${loss}% packet loss\n`;
    if (received === 0) return lines;
    const [min, avg, max] = [this.#least, this.#sum / received, this.#most].map(milliseconds);
    return `${lines}round-trip min/avg/max = ${min}/${avg}/${max} ms\n`;
  }
}
