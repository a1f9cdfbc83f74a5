/**
 * ping: asks a station for ICMP echoes and prints how long each took.
 *
 * `ping [-c COUNT] ADDRESS`; one echo a second, four unless a count is given.
 * - Times are virtual time, as the net stack measured it.
 * - Exit status 0 when at least one reply came, else 1.
 */

import type { Endpoint, Kernel, MessageFrom, Program } from "../../kernel/abi/kernel.ts";
import type { ProgramDeclaration } from "../../kernel/abi/program.ts";
import { isKernelError } from "../../kernel/abi/errors.ts";
import { writeText } from "../../kernel/abi/text.ts";
import { formatIpv4Address } from "../../net/contracts/address.ts";
import { icmpContract } from "../../net/contracts/icmp.ts";
import { describeUnreachable, parseArguments, PingStatistics } from "./command_line.ts";

export const program = {
  name: "Ping",
  doc: "Asks a station for ICMP echoes and prints how long each took",
  endpoints: [icmpContract],
  parameters: [
    { name: "-c COUNT", doc: "How many echoes, 1 to 65535; 4 without it" },
    { name: "ADDRESS", doc: "The station, such as 10.0.2.2" },
  ],
} as const satisfies ProgramDeclaration;

/** Payload of an echo, as ping sends since ever; with the ICMP header 64 bytes. */
const payloadSize = 56;
const icmpHeaderSize = 8;
const intervalNs = 1_000_000_000;
const timeoutMs = 1000;

export default function* main(kernel: Kernel): Program {
  const request = parseArguments(kernel.arguments);
  if (typeof request === "string") {
    yield* writeText(kernel, kernel.stdout, `${request}\n`);
    return 1;
  }
  let service: Endpoint<typeof icmpContract, "client">;
  try {
    service = yield* kernel.bind(icmpContract, "/service/icmp");
  } catch (error) {
    if (!isKernelError(error) || error.code !== "TimedOut") throw error;
    yield* writeText(kernel, kernel.stdout, "Cannot ping: no net stack offers /service/icmp\n");
    return 1;
  }
  const statistics = new PingStatistics(request.address);
  const name = formatIpv4Address(request.address);
  if (!(yield* writeText(kernel, kernel.stdout, `PING ${name}: ${payloadSize} data bytes\n`))) return 1;
  for (let sequence = 1; sequence <= request.count; sequence++) {
    const sentAt = yield* kernel.now();
    statistics.noteSent();
    yield* service.send("echo", { address: request.address, sequence, size: payloadSize, timeoutMs });
    const answer = yield* service.receiveOrClosed();
    if (answer === undefined) {
      yield* writeText(kernel, kernel.stdout, "Cannot ping: the net stack is gone\n");
      break;
    }
    if (!(yield* writeText(kernel, kernel.stdout, lineFor(answer, sequence, statistics)))) break;
    const waited = (yield* kernel.now()) - sentAt;
    if (sequence < request.count && waited < intervalNs) yield* kernel.sleep(intervalNs - waited);
  }
  yield* writeText(kernel, kernel.stdout, statistics.summary());
  return statistics.received > 0 ? 0 : 1;
}

/** Counts what became of an echo; the line that says it. */
function lineFor(
  answer: MessageFrom<typeof icmpContract, "server">,
  sequence: number,
  statistics: PingStatistics,
): string {
  switch (answer.tag) {
    case "replied":
      return statistics.noteReply(
        sequence,
        answer.size + icmpHeaderSize,
        answer.timeToLive,
        answer.roundTripNs,
      );
    case "timedOut":
      return `Request timeout for icmp_seq ${sequence}\n`;
    case "unreachable": {
      const reason = describeUnreachable(answer.code);
      return `From ${formatIpv4Address(answer.from)} icmp_seq=${sequence} ${reason}\n`;
    }
    case "failed":
      return `Cannot send icmp_seq ${sequence}: ${failures[answer.code]}\n`;
  }
}

const failures = {
  NoAddress: "this machine has no IP address yet",
  Unreachable: "no route to that address",
  TooMany: "too many echoes wait for replies",
  TooLong: "the echo does not fit in a packet",
} as const;
