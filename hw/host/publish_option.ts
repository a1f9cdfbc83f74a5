/**
 * The option `--publish [IP:]HOST:GUEST`: which port of the host leads to which port of the guest.
 *
 * - Without an IP the port is on loopback, so that nobody else reaches the guest unasked.
 * - What cannot be understood throws a PublishError, whose message is one line for the person
 *   who typed it and names the value.
 */

import { formatIpv4Address, parseIpv4Address } from "../../net/protocol/address.ts";

export interface PublishOption {
  /** Where to listen, in dotted form. */
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly guestPort: number;
}

/** A publication that cannot be; the message says which and why. */
export class PublishError extends Error {
  override readonly name = "PublishError";
}

const loopback = "127.0.0.1";

/** Parses the option's value. */
export function parsePublish(text: string): PublishOption {
  const refuse = (reason: string) => new PublishError(`Cannot publish "${text}": ${reason}`);
  const parts = text.split(":");
  if (parts.length !== 2 && parts.length !== 3) throw refuse("expected [IP:]HOST:GUEST");
  const [hostText, guestText] = parts.slice(-2) as [string, string];
  const port = (what: string, value: string) => {
    const number = /^[0-9]{1,5}$/.test(value) ? Number(value) : 0;
    if (number < 1 || number > 65_535) {
      throw refuse(`${what} port is "${value}", must be a number from 1 to 65535`);
    }
    return number;
  };
  const ip = parts.length === 3 ? parts[0]! : loopback;
  const address = parseIpv4Address(ip);
  if (address === undefined) throw refuse(`IP is "${ip}", must be an IPv4 address such as 0.0.0.0`);
  return {
    hostAddress: formatIpv4Address(address),
    hostPort: port("host", hostText),
    guestPort: port("guest", guestText),
  };
}
